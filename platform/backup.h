// A backup of the running box (R-SEC3-78): the store's copy, or what of it has changed since an
// earlier one (issue 6), and its manifest, encrypted.
#pragma once

#include "hsm/checkpoint_signer.h"
#include "platform/backup_file.h"
#include "platform/backup_manifest.h"

namespace acb::platform {

struct BackupOrder {
  PublicPoint recipient{};
  std::optional<Sha256Digest> since;   // SHA-256 of the earlier backup's file; without: a full one
  std::filesystem::path page_indexes;  // directory of page_index.h
};

struct BackupOutcome {
  BackupManifest manifest;
  std::uint64_t octets = 0;         // of the file
  Sha256Digest sha256{};            // of the file
  std::uint64_t carried_pages = 0;  // of kBackupPage octets
};

// Appends `entry` (kind export), copies the store, signs the manifest and gives the file's octets
// to `sink`. The store goes on working. Blocks for the whole: an incremental one also reads the
// whole store, and carries what differs. Constant memory. Fails as the store does, with kNotFound
// (nothing is known of the earlier one: nothing was done), kHsmUnavailable, or with what the sink
// says.
Result<BackupOutcome> WriteBackup(store::Store& store, hsm::CheckpointSigner& signer,
                                  const BackupOrder& order, const audit::Entry& entry,
                                  const BackupSink& sink);

}  // namespace acb::platform
