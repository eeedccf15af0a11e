#include "tools/acb-verify/manifest.h"

#include "firmware/base/base64.h"
#include "tools/acb-verify/members.h"

namespace acb::verify {
namespace {

constexpr const char* kFormat = "acb-audit-export-1";
constexpr const char* kManifest = "manifest.json";
constexpr const char* kSignature = "manifest.sig";
// A line for each tile.
constexpr std::uint64_t kMaxManifest = std::uint64_t{512} << 20;
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
  const auto text = file.ReadWhole(kManifest, kMaxManifest);
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
                    files != nullptr && *first <= *end && *end <= *size &&
                    (redaction == "ssc" || redaction == "panel");
  if (!good) {
    findings.Fails(std::string(kManifest) + " is not one of format " + kFormat);
    return std::optional<Manifest>();
  }
  CheckFiles(file, *files, findings);
  return std::optional(
      Manifest{.origin = std::string(TextOf(*members, "origin")),
               .redaction = redaction,
               .range = {.first = *first,
                         .end = *end,
                         .environment = std::string(TextOf(*members, "environment")),
                         .panel = redaction == "panel"},
               .tree_size = *size,
               .root = *root});
}

Result<Bytes> KeyInExport(const ExportFile& file) {
  const auto text = file.ReadWhole("keys.json", kMaxKeys);
  if (!text) return text.error();
  const auto members = ParseCanonical(*text);
  const audit::List* keys = members ? ListOf(*members, "keys") : nullptr;
  if (keys == nullptr) return Failure(Reason::kMalformed, "keys.json is not as an export has it");
  for (const audit::Value& element : *keys) {
    const auto* key = std::get_if<audit::Object>(&element.get());
    if (key == nullptr || TextOf(*key, "role") != "checkpoint") continue;
    auto spki = FromBase64(TextOf(*key, "spki"));
    if (spki) return *std::move(spki);
  }
  return Failure(Reason::kMalformed, "keys.json has no checkpoint key");
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
