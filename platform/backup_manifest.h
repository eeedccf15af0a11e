// What a backup holds, signed by the checkpoint key of the token that its box worked with.
#pragma once

#include <optional>
#include <string>

#include "hsm/public_key.h"
#include "store/store.h"

namespace acb::platform {

// The backup that an incremental one goes on from.
struct BackupParent {
  Sha256Digest sha256{};  // of its file
  std::uint64_t tree_size = 0;
};

struct BackupManifest {
  // A tree that the copy contains. The copy is as of this state or a moment later.
  store::StoreState state;
  std::uint64_t octets = 0;  // of the copy; when incremental: of what a restore puts together
  Sha256Digest sha256{};     // likewise
  UtcTime created{0};
  hsm::PublicKey checkpoint_key;
  std::optional<BackupParent> since;  // of an incremental one
};

// Canonical JSON: texts, 64-bit numbers as decimal strings, hashes and keys in lower-case hex.
//   {"base", "checkpoint_algorithm": "ed25519" or "p256", "checkpoint_public_key", "created",
//    "environment", "epoch", "format": "1", "instance", "octets", "raise", "root", "sha256",
//    "store", "tree_size"}
// An incremental one has "format": "2", and "since_sha256" and "since_tree_size".
std::string ManifestJson(const BackupManifest& manifest);

// What the checkpoint key signs: "ACB backup manifest 1\n" and the JSON. No checkpoint begins so.
Bytes SignedOctetsOf(std::string_view manifest_json);

// The last chunk of the file: the JSON, then the signature, 64 octets.
Bytes ManifestChunk(std::string_view manifest_json, BytesView signature);
struct SignedManifest {
  BackupManifest manifest;
  std::string json;
  Bytes signature;
};
// kBackupDamaged: not of this form. The signature is the caller's to check: who knows the key?
Result<SignedManifest> ParseManifestChunk(BytesView chunk);

}  // namespace acb::platform
