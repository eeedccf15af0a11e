#include "tools/acbctl/restore.h"

#include <openssl/pem.h>

#include <boost/json.hpp>
#include <iostream>

#include "firmware/base/sha256_stream.h"
#include "platform/backup_content.h"
#include "platform/backup_file.h"
#include "platform/backup_manifest.h"
#include "store/restoration.h"
#include "tools/acbctl/progress.h"
#include "tools/acbctl/remote.h"
#include "tools/acbctl/token.h"

namespace acb::acbctl {
namespace {

constexpr std::size_t kRawKeyOctets = 32;  // RFC 8032

using platform::BackupManifest;

Failure Wrong(std::string what) { return Failure(Reason::kConfiguration, std::move(what)); }
Failure Damaged(std::string what) { return Failure(Reason::kBackupDamaged, std::move(what)); }

// PEM, Ed25519 or P-256.
Result<hsm::PublicKey> ReadCheckpointKey(const std::filesystem::path& file) {
  const Handle<BIO, BIO_free_all> in(BIO_new_file(file.c_str(), "r"));
  const platform::PrivateKey key(in ? PEM_read_bio_PUBKEY(in.get(), nullptr, nullptr, nullptr)
                                    : nullptr);
  if (!key) return Wrong(file.string() + " holds no public key in PEM");
  if (EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_ED25519) {
    Bytes octets(kRawKeyOctets);
    std::size_t size = octets.size();
    if (EVP_PKEY_get_raw_public_key(key.get(), octets.data(), &size) == 1) {
      return hsm::PublicKey{hsm::KeyAlgorithm::kEd25519, std::move(octets)};
    }
  }
  const auto point = platform::PublicPointOf(*key);
  if (!point) return Wrong(file.string() + " holds no key of Ed25519 or P-256");
  return hsm::PublicKey{hsm::KeyAlgorithm::kP256, ToBytes(*point)};
}

// What came out of a file.
struct Part {
  std::filesystem::path file;
  Sha256Digest sha256{};  // of the file
  platform::SignedManifest signed_manifest;

  const BackupManifest& manifest() const { return signed_manifest.manifest; }
};

// "monday.backup (SHA-256 0a..., tree size 42)".
std::string NameOf(const Part& part) {
  return part.file.string() + " (SHA-256 " + ToHex(part.sha256) + ", tree size " +
         std::to_string(part.manifest().state.tree_size) + ")";
}

// One restore, step by step.
class Restorer {
 public:
  explicit Restorer(const RestoreOptions& options) : options_(options) {}

  Status Run();
  // Of the last part: it tells the whole.
  const BackupManifest& manifest() const { return last_.manifest(); }
  const std::optional<Failure>& needs_recovery() const { return needs_recovery_; }
  const std::filesystem::path& directory() const { return config_.store_directory; }

 private:
  Status Prepare();
  Status OpenParts();
  Status Take(std::size_t number, store::Restoration& restoration);
  // The full backup's copy, or the pages of an incremental one, into their places.
  Result<platform::BackupReader::End> TakeFull(platform::BackupReader& reader,
                                               store::Restoration& restoration);
  Result<platform::BackupReader::End> TakePages(platform::BackupReader& reader,
                                                store::Restoration& restoration);
  Status CheckManifest(const Part& part) const;
  Status CheckGoesOn(const Part& part) const;
  Status CheckWhole(store::Restoration& restoration) const;
  Status CheckStore(const store::Restoration& restoration);

  const RestoreOptions& options_;
  platform::Config config_;
  platform::PrivateKey key_;
  std::optional<hsm::PublicKey> checkpoint_key_;
  std::unique_ptr<hsm::Provisioning> token_;
  std::vector<platform::BackupReader> readers_;
  std::uint64_t full_octets_ = 0;  // of the full backup's copy
  Sha256Digest full_sha256_{};
  Part last_;  // that was taken
  std::optional<Failure> needs_recovery_;
};

Status Restorer::Prepare() {
  auto config = platform::LoadConfig(options_.config);
  if (!config) return std::move(config).error();
  config_ = *std::move(config);
  auto key = platform::ReadBackupPrivateKey(options_.key);
  if (!key) return std::move(key).error();
  key_ = *std::move(key);
  if (options_.checkpoint_key.empty()) return Done{};
  auto checkpoint_key = ReadCheckpointKey(options_.checkpoint_key);
  if (!checkpoint_key) return std::move(checkpoint_key).error();
  checkpoint_key_ = *std::move(checkpoint_key);
  return Done{};
}

// All before anything is written: what can be said of their headers.
Status Restorer::OpenParts() {
  for (const auto& file : options_.backups) {
    auto reader = platform::BackupReader::Open(file, *key_);
    if (!reader) {
      return Failure(reader.error().reason, file.string() + ": " + reader.error().explanation,
                     reader.error().detail);
    }
    const bool full = reader->kind() == platform::BackupKind::kFull;
    if (full && !readers_.empty()) {
      return Damaged(file.string() + " is a full backup: only the first one named may be full");
    }
    if (!full && readers_.empty()) {
      return Damaged(file.string() +
                     " is an incremental backup: name the full one first that it goes back to, "
                     "and each one between them in order");
    }
    readers_.push_back(*std::move(reader));
  }
  return Done{};
}

Status Restorer::Run() {
  if (Status prepared = Prepare(); !prepared) return prepared;
  if (Status opened = OpenParts(); !opened) return opened;
  auto restoration = store::Restoration::Begin(config_.store_directory);
  if (!restoration) return std::move(restoration).error();
  // Before the store is opened: it makes threads.
  auto token = OpenToken(config_);
  if (!token) return std::move(token).error();
  token_ = *std::move(token);
  auto own_key = CheckpointKeyOf(*token_);
  if (!own_key) return std::move(own_key).error();
  if (!checkpoint_key_) checkpoint_key_ = *std::move(own_key);

  for (std::size_t i = 0; i < readers_.size(); ++i) {
    if (Status taken = Take(i, *restoration); !taken) return taken;
  }
  if (Status whole = CheckWhole(*restoration); !whole) return whole;
  if (Status ended = restoration->EndCopy(); !ended) return ended;
  if (Status good = CheckStore(*restoration); !good) return good;
  // If power fails before this: nothing that a start would take for a store.
  return restoration->PutInPlace();
}

Status Restorer::Take(std::size_t number, store::Restoration& restoration) {
  platform::BackupReader& reader = readers_[number];
  const auto end = number == 0 ? TakeFull(reader, restoration) : TakePages(reader, restoration);
  const std::string file = options_.backups[number].string();
  if (!end)
    return Failure(end.error().reason, file + ": " + end.error().explanation, end.error().detail);
  auto manifest = platform::ParseManifestChunk(end->manifest);
  if (!manifest) return std::move(manifest).error();
  Part part{.file = options_.backups[number],
            .sha256 = end->sha256,
            .signed_manifest = *std::move(manifest)};
  if (Status good = CheckManifest(part); !good) return good;
  if (Status good = CheckGoesOn(part); !good) return good;
  last_ = std::move(part);
  return Done{};
}

Result<platform::BackupReader::End> Restorer::TakeFull(platform::BackupReader& reader,
                                                       store::Restoration& restoration) {
  Progress progress("restore", Progress::Unit::kOctets, options_.progress);
  Sha256Stream sha256;
  const auto take = [&](BytesView piece) {
    full_octets_ += piece.size();
    sha256.Update(piece);
    return restoration.Append(piece);
  };
  auto end = reader.Read(take, [&](std::uint64_t read) { progress.Show(read, reader.octets()); });
  full_sha256_ = sha256.Finish();
  return end;
}

Result<platform::BackupReader::End> Restorer::TakePages(platform::BackupReader& reader,
                                                        store::Restoration& restoration) {
  Progress progress("restore what changed", Progress::Unit::kOctets, options_.progress);
  platform::RunReader runs(
      [&](std::uint64_t offset, BytesView octets) { return restoration.Put(offset, octets); });
  auto end = reader.Read([&](BytesView piece) { return runs.Append(piece); },
                         [&](std::uint64_t read) { progress.Show(read, reader.octets()); });
  if (!end) return end;
  if (Status whole = runs.End(); !whole) return std::move(whole).error();
  return end;
}

Status Restorer::CheckManifest(const Part& part) const {
  const BackupManifest& manifest = part.manifest();
  const hsm::PublicKey& key = manifest.checkpoint_key;
  if (key.algorithm != checkpoint_key_->algorithm || key.octets != checkpoint_key_->octets) {
    return Damaged("the backup " + part.file.string() + " was signed with checkpoint key " +
                   ToHex(key.octets) + ", expected is " + ToHex(checkpoint_key_->octets) +
                   ": of a box with another token, name the key with --checkpoint-key");
  }
  if (!hsm::Verify(*checkpoint_key_, platform::SignedOctetsOf(part.signed_manifest.json),
                   part.signed_manifest.signature)) {
    return Damaged("the signature of the manifest of " + part.file.string() + " is wrong");
  }
  const bool live = config_.environment == smki::Environment::kLive;
  const auto environment = live ? store::Environment::kLive : store::Environment::kTest;
  if (manifest.state.identity.environment == environment) return Done{};
  return Wrong("the backup is of environment " +
               std::string(store::Name(manifest.state.identity.environment)) +
               ", the configuration says " + std::string(store::Name(environment)));
}

// That the part goes on where the one before it ended: no gap, no other order, no other store. The
// first is full, each of the others is not, as their headers say.
Status Restorer::CheckGoesOn(const Part& part) const {
  const BackupManifest& manifest = part.manifest();
  const bool first = last_.file.empty();
  if (first == manifest.since.has_value()) {
    return Damaged("header and manifest of " + part.file.string() +
                   " do not agree on whether it is full");
  }
  if (first) {
    if (manifest.octets == full_octets_ && manifest.sha256 == full_sha256_) return Done{};
    return Damaged("the copy in " + part.file.string() + " is not the one that its manifest names");
  }
  if (manifest.state.identity.id != last_.manifest().state.identity.id) {
    return Damaged(NameOf(part) + " is of another store than " + NameOf(last_));
  }
  const bool next = manifest.since->sha256 == last_.sha256 &&
                    manifest.since->tree_size == last_.manifest().state.tree_size &&
                    manifest.state.tree_size >= manifest.since->tree_size;
  if (next) return Done{};
  return Damaged(NameOf(part) + " goes on from the backup with SHA-256 " +
                 ToHex(manifest.since->sha256) + ", tree size " +
                 std::to_string(manifest.since->tree_size) + "; named before it is " +
                 NameOf(last_) + ": one is missing, or the order is another");
}

// What the parts make together, octet for octet.
Status Restorer::CheckWhole(store::Restoration& restoration) const {
  if (readers_.size() == 1) return Done{};  // CheckGoesOn has
  const auto sha256 = restoration.Whole(manifest().octets);
  if (!sha256) return sha256.error();
  if (*sha256 == manifest().sha256) return Done{};
  return Damaged(
      "what the backups make together is not the copy that the last one's manifest "
      "names");
}

// That it is what the manifest says; and whether the token's anchor lets it start (design.md
// section 4).
Status Restorer::CheckStore(const store::Restoration& restoration) {
  const store::StoreState& state = manifest().state;
  auto store = store::Store::Open({.directory = restoration.staging(),
                                   .map_size = config_.store_map_size,
                                   .environment = state.identity.environment});
  if (!store) {
    return Damaged("the copy does not open: " + store.error().explanation + " " +
                   store.error().detail);
  }
  if ((*store)->identity().id != state.identity.id) return Damaged("the copy is of another store");
  const auto contains = (*store)->Contains(state.tree_size, state.root);
  if (!contains) return contains.error();
  if (!*contains) return Damaged("the copy does not contain the log that the manifest names");
  Status anchored = (*store)->CheckAnchors(token_->anchors());
  if (anchored) return Done{};
  const Reason reason = anchored.error().reason;
  const bool recoverable = reason == Reason::kAnchorMissing || reason == Reason::kAnchorForeign ||
                           reason == Reason::kStoreRolledBack;
  if (!recoverable || !options_.recover) return anchored;
  needs_recovery_ = std::move(anchored).error();
  return Done{};
}

std::string RecoverCommand(const RestoreOptions& options) {
  return "acbctl recover --config " + options.config.string() +
         " --base N --reason TEXT --as CERT --as CERT2";
}

void PrintResult(const RestoreOptions& options, const Restorer& restorer) {
  const BackupManifest& manifest = restorer.manifest();
  boost::json::object result{{"store", restorer.directory().string()},
                             {"store_id", ToHex(manifest.state.identity.id)},
                             {"created", manifest.created.Iso()},
                             {"octets", std::to_string(manifest.octets)},
                             {"parts", std::to_string(options.backups.size())},
                             {"tree_size", std::to_string(manifest.state.tree_size)},
                             {"root", ToHex(manifest.state.root)}};
  if (const auto& why = restorer.needs_recovery()) {
    result["signing"] = "off until it is recovered";
    result["reason"] = Describe(why->reason).name;
    result["explanation"] = why->explanation;
    result["next"] = RecoverCommand(options);
  } else {
    result["signing"] = "the next start is a new epoch";
    result["next"] = "acbd --config " + options.config.string();
  }
  if (options.json) {
    std::cout << boost::json::serialize(result) << "\n";
  } else {
    PrintMembers(result, "");
  }
}

}  // namespace

int Restore(const RestoreOptions& options) {
  Restorer restorer(options);
  if (Status done = restorer.Run(); !done) {
    Failure why = std::move(done).error();
    const bool recoverable = why.reason == Reason::kAnchorMissing ||
                             why.reason == Reason::kAnchorForeign ||
                             why.reason == Reason::kStoreRolledBack;
    if (recoverable) {
      why.explanation +=
          ". Nothing was left in place. To go on all the same: restore with "
          "--recover, then two operators: " +
          RecoverCommand(options);
    }
    return Refuse(why, options.json);
  }
  PrintResult(options, restorer);
  return kGood;
}

}  // namespace acb::acbctl
