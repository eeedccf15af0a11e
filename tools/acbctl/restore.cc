#include "tools/acbctl/restore.h"

#include <openssl/pem.h>

#include <boost/json.hpp>
#include <iostream>

#include "firmware/base/sha256_stream.h"
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

// What came out of the file.
struct Copied {
  std::uint64_t octets = 0;
  Sha256Digest sha256{};
  platform::SignedManifest signed_manifest;
};

// One restore, step by step.
class Restorer {
 public:
  explicit Restorer(const RestoreOptions& options) : options_(options) {}

  Status Run();
  const BackupManifest& manifest() const { return copied_.signed_manifest.manifest; }
  const std::optional<Failure>& needs_recovery() const { return needs_recovery_; }
  const std::filesystem::path& directory() const { return config_.store_directory; }

 private:
  Status Prepare();
  Status Copy(platform::BackupReader& reader, store::Restoration& restoration);
  Status CheckManifest() const;
  Status CheckStore(const store::Restoration& restoration);

  const RestoreOptions& options_;
  platform::Config config_;
  platform::PrivateKey key_;
  std::optional<hsm::PublicKey> checkpoint_key_;
  std::unique_ptr<hsm::Hsm> hsm_;
  Copied copied_;
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

Status Restorer::Run() {
  if (Status prepared = Prepare(); !prepared) return prepared;
  auto reader = platform::BackupReader::Open(options_.backup, *key_);
  if (!reader) return std::move(reader).error();
  auto restoration = store::Restoration::Begin(config_.store_directory);
  if (!restoration) return std::move(restoration).error();
  // Before the store is opened: it makes threads.
  auto hsm = OpenToken(config_);
  if (!hsm) return std::move(hsm).error();
  hsm_ = *std::move(hsm);
  if (!checkpoint_key_) checkpoint_key_ = hsm_->checkpoint_signer().public_key();

  if (Status copied = Copy(*reader, *restoration); !copied) return copied;
  if (Status good = CheckManifest(); !good) return good;
  if (Status ended = restoration->EndCopy(); !ended) return ended;
  if (Status good = CheckStore(*restoration); !good) return good;
  // If power fails before this: nothing that a start would take for a store.
  return restoration->PutInPlace();
}

Status Restorer::Copy(platform::BackupReader& reader, store::Restoration& restoration) {
  Progress progress("restore", Progress::Unit::kOctets, options_.progress);
  Sha256Stream sha256;
  const auto take = [&](BytesView piece) {
    copied_.octets += piece.size();
    sha256.Update(piece);
    return restoration.Append(piece);
  };
  const auto chunk =
      reader.Read(take, [&](std::uint64_t read) { progress.Show(read, reader.octets()); });
  if (!chunk) return chunk.error();
  copied_.sha256 = sha256.Finish();
  auto manifest = platform::ParseManifestChunk(*chunk);
  if (!manifest) return std::move(manifest).error();
  copied_.signed_manifest = *std::move(manifest);
  return Done{};
}

Status Restorer::CheckManifest() const {
  const hsm::PublicKey& key = manifest().checkpoint_key;
  const platform::SignedManifest& given = copied_.signed_manifest;
  if (key.algorithm != checkpoint_key_->algorithm || key.octets != checkpoint_key_->octets) {
    return Damaged("the backup was signed with checkpoint key " + ToHex(key.octets) +
                   ", expected is " + ToHex(checkpoint_key_->octets) +
                   ": of a box with another token, name the key with --checkpoint-key");
  }
  if (!hsm::Verify(*checkpoint_key_, platform::SignedOctetsOf(given.json), given.signature)) {
    return Damaged("the signature of the backup's manifest is wrong");
  }
  if (manifest().octets != copied_.octets || manifest().sha256 != copied_.sha256) {
    return Damaged("the copy is not the one that the manifest names");
  }
  const bool live = config_.environment == smki::Environment::kLive;
  const auto environment = live ? store::Environment::kLive : store::Environment::kTest;
  if (manifest().state.identity.environment == environment) return Done{};
  return Wrong("the backup is of environment " +
               std::string(store::Name(manifest().state.identity.environment)) +
               ", the configuration says " + std::string(store::Name(environment)));
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
  Status anchored = (*store)->CheckAnchors(hsm_->anchors());
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
