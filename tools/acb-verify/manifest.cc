#include "tools/acb-verify/manifest.h"

#include "firmware/base/base64.h"
#include "tools/acb-verify/members.h"

namespace acb::verify {
namespace {

constexpr const char* kFormat = "acb-audit-export-1";
constexpr const char* kManifest = "manifest.json";
constexpr const char* kSignature = "manifest.sig";
// What the manifest says of one file, and of itself: so it is never larger than the container that
// it is in makes it.
constexpr std::uint64_t kMaxOctetsOfFile = 300;
constexpr std::uint64_t kMaxOctetsOfAll = 4096;
constexpr std::uint64_t kMaxKeys = std::uint64_t{16} << 20;

// In the order of the container, every one but the manifest's own two.
void CheckFiles(const ExportFile& file, const audit::List& listed, Findings& findings) {
  const auto& found = file.contents().files;
  std::size_t next = 0;
  for (const audit::Value& element : listed) {
    static const audit::Object kNone;
    const auto* object = std::get_if<audit::Object>(&element.get());
    const audit::Object& members = object ? *object : kNone;
    const std::string name(TextOf(members, "name"));
    const audit::ContainerFile* present = next < found.size() ? &found[next] : nullptr;
    if (present == nullptr || present->name != name) {
      findings.Fails("the manifest lists '" + name + "' as file " + std::to_string(next + 1) +
                     ", the container has " + (present ? "'" + present->name + "'" : "none"));
      return;
    }
    ++next;
    if (NumberOf(members, "octets") != present->size ||
        DigestOf(members, "sha256") != present->sha256) {
      findings.Fails(name + " is not the file that the manifest lists (" +
                     std::to_string(present->size) + " octets, SHA-256 " + ToHex(present->sha256) +
                     ")");
    }
  }
  const bool own_two = next + 2 == found.size() && found[next].name == kManifest &&
                       found[next + 1].name == kSignature;
  if (!own_two) {
    findings.Fails("behind the files that the manifest lists the container has not exactly " +
                   std::string(kManifest) + " and " + kSignature);
  }
  if (!findings.failed()) {
    findings.Verified(std::to_string(next) +
                      " files have the size and SHA-256 that the manifest "
                      "lists");
  }
}

}  // namespace

Result<std::optional<Manifest>> ReadManifest(const ExportFile& file, Findings& findings) {
  const auto text =
      file.ReadWhole(kManifest, kMaxOctetsOfAll + kMaxOctetsOfFile * file.contents().files.size());
  if (!text && text.error().reason == Reason::kConfiguration) return text.error();
  const auto members = text ? ParseCanonical(*text) : std::nullopt;
  if (!members) {
    findings.Fails(std::string(kManifest) + " is missing or is no canonical JSON");
    return std::optional<Manifest>();
  }
  const auto first = NumberOf(*members, "first");
  const auto end = NumberOf(*members, "end");
  const auto size = NumberOf(*members, "tree_size");
  const auto root = DigestOf(*members, "root");
  const audit::List* files = ListOf(*members, "files");
  const std::string redaction(TextOf(*members, "redaction"));
  const bool good = TextOf(*members, "format") == kFormat && first && end && size && root &&
                    files != nullptr && *first < *end && *end <= *size &&
                    (redaction == "ssc" || redaction == "panel");
  if (!good) {
    findings.Fails(std::string(kManifest) + " is not one of format " + kFormat);
    return std::optional<Manifest>();
  }
  const std::string environment(TextOf(*members, "environment"));
  const audit::Object* requested = ObjectOf(*members, "requested");
  // design.md section 10: there are two, and what is relaxed depends on which.
  if (environment != "live" && environment != "test") {
    findings.Fails("the manifest's environment is neither 'live' nor 'test'");
  }
  CheckFiles(file, *files, findings);
  return std::optional(Manifest{.origin = std::string(TextOf(*members, "origin")),
                                .redaction = redaction,
                                .range = {.first = *first,
                                          .end = *end,
                                          .environment = environment,
                                          .panel = redaction == "panel"},
                                .to = std::string(requested ? TextOf(*requested, "to") : ""),
                                .tree_size = *size,
                                .root = *root});
}

Result<Bytes> KeyInExport(const ExportFile& file) {
  const auto text = file.ReadWhole("keys.json", kMaxKeys);
  if (!text) return text.error();
  const auto members = ParseCanonical(*text);
  const audit::List* keys = members ? ListOf(*members, "keys") : nullptr;
  if (keys == nullptr) return Failure(Reason::kMalformed, "keys.json is not as an export has it");
  // The rest of the file is held against the certificates (key_history.h).
  const auto* key = keys->empty() ? nullptr : std::get_if<audit::Object>(&keys->front().get());
  auto spki =
      key && TextOf(*key, "role") == "checkpoint" ? FromBase64(TextOf(*key, "spki")) : std::nullopt;
  if (!spki) return Failure(Reason::kMalformed, "keys.json does not begin with a checkpoint key");
  return *std::move(spki);
}

void CheckManifestSignature(const ExportFile& file, const audit::NoteKey& key, Findings& findings) {
  const auto note_text = file.ReadWhole(kSignature, audit::kMaxNoteOctets);
  const auto note = note_text ? audit::ParseNote(*note_text) : std::nullopt;
  const audit::ContainerFile* manifest = file.Find(kManifest);
  if (!note || manifest == nullptr) {
    findings.Fails(std::string(kSignature) + " is missing or is no signed note");
    return;
  }
  const std::string expected = std::string(kFormat) + "\n" + ToBase64(manifest->sha256) + "\n";
  if (note->text != expected) {
    findings.Fails(std::string(kSignature) +
                   " is not of this manifest: it was changed after it "
                   "was signed");
    return;
  }
  if (note->signatures.size() != 1 ||
      audit::VerifyNote(*note, key).verdict != audit::SignatureCheck::Verdict::kGood) {
    findings.Fails("the manifest is not signed with the key " + audit::FormatKey(key) +
                   ": another key signed this export, or it was changed");
    return;
  }
  findings.Verified("the manifest's signature");
}

}  // namespace acb::verify
