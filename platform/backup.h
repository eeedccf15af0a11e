// A backup of the running box (R-SEC3-78): the store's copy and its manifest, encrypted.
#pragma once

#include "hsm/checkpoint_signer.h"
#include "platform/backup_file.h"
#include "platform/backup_manifest.h"

namespace acb::platform {

struct BackupOutcome {
  BackupManifest manifest;
  std::uint64_t octets = 0;  // of the file
  Sha256Digest sha256{};     // of the file
};

// Appends `entry` (kind export), copies the store, signs the manifest and gives the file's octets
// to `sink`. The store goes on working. Blocks for the whole. Fails as the store does, with
// kHsmUnavailable, or with what the sink says.
Result<BackupOutcome> WriteBackup(store::Store& store, hsm::CheckpointSigner& signer,
                                  const PublicPoint& recipient, const audit::Entry& entry,
                                  const BackupSink& sink);

}  // namespace acb::platform
