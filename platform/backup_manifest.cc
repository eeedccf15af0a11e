#include "platform/backup_manifest.h"

#include <algorithm>
#include <boost/json.hpp>

#include "firmware/base/request_id.h"

namespace acb::platform {
namespace {

constexpr std::string_view kFullFormat = "1";
constexpr std::string_view kIncrementalFormat = "2";
constexpr std::string_view kSignedPrefix = "ACB backup manifest 1\n";
constexpr std::size_t kSignatureOctets = 64;

Failure NoManifest(std::string_view what) {
  return Failure(Reason::kBackupDamaged, "the backup's manifest " + std::string(what));
}

std::string_view NameOf(hsm::KeyAlgorithm algorithm) {
  return algorithm == hsm::KeyAlgorithm::kEd25519 ? "ed25519" : "p256";
}

// Reads members, and remembers whether one was missing or of another form.
class Members {
 public:
  explicit Members(const boost::json::object& object) : object_(object) {}

  std::string Text(std::string_view name) {
    const boost::json::value* value = object_.if_contains(name);
    if (value != nullptr && value->is_string()) return std::string(value->get_string());
    whole_ = false;
    return {};
  }
  std::uint64_t Number(std::string_view name) {
    const auto number = ParseDecimal(Text(name));
    if (!number) whole_ = false;
    return number.value_or(0);
  }
  Bytes Hex(std::string_view name) {
    auto octets = FromHex(Text(name));
    if (!octets) whole_ = false;
    return std::move(octets).value_or(Bytes());
  }
  template <std::size_t size>
  std::array<std::uint8_t, size> Octets(std::string_view name) {
    std::array<std::uint8_t, size> array{};
    const Bytes octets = Hex(name);
    if (octets.size() != size) whole_ = false;
    std::ranges::copy(BytesView(octets).first(std::min(octets.size(), size)), array.begin());
    return array;
  }
  void Demand(bool holds) { whole_ = whole_ && holds; }
  bool whole() const { return whole_; }

 private:
  const boost::json::object& object_;
  bool whole_ = true;
};

std::optional<BackupManifest> ReadManifest(const boost::json::object& object) {
  Members members(object);
  BackupManifest manifest;
  const std::string format = members.Text("format");
  members.Demand(format == kFullFormat || format == kIncrementalFormat);
  if (format == kIncrementalFormat) {
    manifest.since = BackupParent{.sha256 = members.Octets<32>("since_sha256"),
                                  .tree_size = members.Number("since_tree_size")};
  }
  const std::string environment = members.Text("environment");
  members.Demand(environment == "test" || environment == "live");
  store::StoreState& state = manifest.state;
  state.identity.environment =
      environment == "live" ? store::Environment::kLive : store::Environment::kTest;
  state.identity.id = members.Octets<std::tuple_size_v<store::StoreId>>("store");
  state.epoch = members.Number("epoch");
  state.instance = members.Octets<16>("instance");
  state.raise = members.Number("raise");
  state.base = members.Number("base");
  state.tree_size = members.Number("tree_size");
  state.root = members.Octets<32>("root");
  manifest.octets = members.Number("octets");
  manifest.sha256 = members.Octets<32>("sha256");
  const auto created = UtcTime::FromIso(members.Text("created"));
  members.Demand(created.has_value());
  manifest.created = created.value_or(UtcTime(0));
  const std::string algorithm = members.Text("checkpoint_algorithm");
  members.Demand(algorithm == "ed25519" || algorithm == "p256");
  manifest.checkpoint_key = {
      algorithm == "p256" ? hsm::KeyAlgorithm::kP256 : hsm::KeyAlgorithm::kEd25519,
      members.Hex("checkpoint_public_key")};
  if (!members.whole()) return {};
  return manifest;
}

}  // namespace

std::string ManifestJson(const BackupManifest& manifest) {
  const store::StoreState& state = manifest.state;
  audit::Object object{{"format", manifest.since ? kIncrementalFormat : kFullFormat},
                       {"store", ToHex(state.identity.id)},
                       {"environment", store::Name(state.identity.environment)},
                       {"epoch", std::to_string(state.epoch)},
                       {"instance", ToHex(state.instance)},
                       {"raise", std::to_string(state.raise)},
                       {"base", std::to_string(state.base)},
                       {"tree_size", std::to_string(state.tree_size)},
                       {"root", ToHex(state.root)},
                       {"octets", std::to_string(manifest.octets)},
                       {"sha256", ToHex(manifest.sha256)},
                       {"created", manifest.created.Iso()},
                       {"checkpoint_algorithm", NameOf(manifest.checkpoint_key.algorithm)},
                       {"checkpoint_public_key", ToHex(manifest.checkpoint_key.octets)}};
  if (manifest.since) {
    object.emplace("since_sha256", ToHex(manifest.since->sha256));
    object.emplace("since_tree_size", std::to_string(manifest.since->tree_size));
  }
  return audit::CanonicalJson(object);
}

Bytes SignedOctetsOf(std::string_view manifest_json) {
  ByteWriter octets;
  octets.Raw(AsBytes(kSignedPrefix)).Raw(AsBytes(manifest_json));
  return std::move(octets).bytes();
}

Bytes ManifestChunk(std::string_view manifest_json, BytesView signature) {
  ByteWriter octets;
  octets.Raw(AsBytes(manifest_json)).Raw(signature);
  return std::move(octets).bytes();
}

Result<SignedManifest> ParseManifestChunk(BytesView chunk) {
  if (chunk.size() <= kSignatureOctets) return NoManifest("is too short");
  const std::size_t size = chunk.size() - kSignatureOctets;
  SignedManifest parsed{
      .manifest = {}, .json = std::string(AsText(chunk.first(size))), .signature = {}};
  parsed.signature = ToBytes(chunk.subspan(size));
  boost::json::error_code error;
  const boost::json::value value = boost::json::parse(parsed.json, error);
  if (error || !value.is_object()) return NoManifest("is no JSON object");
  auto manifest = ReadManifest(value.get_object());
  if (!manifest) return NoManifest("lacks a member, or has one that is not known here");
  parsed.manifest = *std::move(manifest);
  return parsed;
}

}  // namespace acb::platform
