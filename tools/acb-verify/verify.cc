#include "tools/acb-verify/verify.h"

#include <set>

#include "firmware/audit/entry.h"
#include "firmware/audit/merkle.h"
#include "firmware/duis/signature.h"
#include "firmware/smki/bundle.h"
#include "tools/acb-verify/checkpoints.h"
#include "tools/acb-verify/key_history.h"
#include "tools/acb-verify/keys.h"
#include "tools/acb-verify/layout.h"
#include "tools/acb-verify/manifest.h"
#include "tools/acb-verify/members.h"

namespace acb::verify {
namespace {

constexpr std::uint64_t kMaxRootFile = std::uint64_t{1} << 20;

// The key that everything is held against: the reviewer's own when one was named.
struct UsedKey {
  audit::NoteKey key;
  bool trusted = false;
};

Result<std::vector<audit::NoteKey>> WitnessKeys(const std::vector<std::string>& texts) {
  std::vector<audit::NoteKey> keys;
  for (const std::string& text : texts) {
    auto key = audit::ParseKey(text);
    if (!key || key->type != audit::NoteKey::Type::kCosignature) {
      return Failure(Reason::kConfiguration,
                     "--witness '" + text + "' is no key of a witness (name+hash+base64)");
    }
    keys.push_back(*std::move(key));
  }
  return keys;
}

// Nothing when there is no usable key; why is in the findings.
Result<std::optional<UsedKey>> ChooseKey(const Order& order, const ExportFile& file,
                                         const std::string& origin, Report& report) {
  const auto came = KeyInExport(file);
  if (order.key.empty()) {
    const auto key = came ? KeyFromSpki(origin, *came) : Result<audit::NoteKey>(came.error());
    if (!key) {
      report.findings.Fails("the key that came with the export: " + key.error().explanation);
      return std::optional<UsedKey>();
    }
    report.facts["key_sha256"] = Fingerprint(*came);
    report.findings.Provided("the checkpoint key with the SHA-256 " + Fingerprint(*came) +
                             " is the box's");
    report.findings.Note("the checkpoint key came with the export: compare its SHA-256 " +
                         Fingerprint(*came) + " with the one that you were given, or use --key");
    return std::optional(UsedKey{*key, false});
  }
  const auto spki = ReadSpki(order.key);
  if (!spki) return spki.error();
  const auto key = KeyFromSpki(origin, *spki);
  if (!key) {
    report.findings.Fails("--key " + order.key.string() + ": " + key.error().explanation);
    return std::optional<UsedKey>();
  }
  report.facts["key_sha256"] = Fingerprint(*spki);
  if (!came || *came != *spki) {
    report.findings.Fails(
        "the export came with another checkpoint key than --key: re-signed, or "
        "of another box");
  }
  return std::optional(UsedKey{*key, true});
}

void CheckContainer(const ExportFile& file, Findings& findings) {
  const auto& contents = file.contents();
  if (contents.broken) {
    findings.Fails("the container " + contents.broken->explanation);
    return;
  }
  findings.Verified("the container: " + std::to_string(contents.files.size()) + " files, " +
                    std::to_string(contents.octets) + " octets, nothing between or behind them");
}

void SayRelaxations(const TrustHistory& trust, std::uint64_t first, Findings& findings) {
  if (!trust.relaxations().empty()) {
    std::string names;
    for (const std::string& name : trust.relaxations()) {
      names.append(names.empty() ? "" : ", ").append(name);
    }
    findings.Note("test environment: its settings relax " + names +
                  "; decisions were verified under these relaxations");
  }
  if (const std::uint64_t before = trust.before(first); before > 0) {
    findings.Note(std::to_string(before) +
                  " certificates, lists and settings are from before the "
                  "range: the manifest's signature alone says since when they were in force");
  }
}

// What the file itself calls a root proves nothing to someone who does not trust the box.
Status CheckTrustedRoots(const TrustHistory& trust, const Order& order, Findings& findings) {
  std::set<std::string> given;
  for (const std::filesystem::path& path : order.roots) {
    const auto octets = ReadFile(path, kMaxRootFile);
    if (!octets) return octets.error();
    const auto blocks = smki::SplitCertificates(AsBytes(*octets));
    if (!blocks) {
      return Failure(Reason::kConfiguration,
                     path.string() + " is no certificate: " + blocks.error().explanation);
    }
    for (const Bytes& der : *blocks) given.insert(ToHex(Sha256(der)));
  }
  for (const auto& [sha256, name] : trust.roots()) {
    if (given.empty()) {
      findings.NotVerified("that certificates lead to a root of SMKI: compare " + name +
                           ", SHA-256 " + sha256 + ", or use --root");
    } else if (!given.contains(sha256)) {
      findings.Fails("certificates were trusted that lead to " + name + ", SHA-256 " + sha256 +
                     ", which --root does not name");
    }
  }
  if (!given.empty() && !findings.failed()) {
    findings.Verified("certificates lead to roots of --root alone");
  }
  return Done{};
}

Result<SignedTree> LoadTree(const ExportFile& file, const Manifest& manifest, Findings& findings) {
  if (HasRoomForTiles(file, manifest.tree_size)) {
    return SignedTree::Load(file, manifest.tree_size, manifest.root, findings);
  }
  findings.Fails("the manifest names a tree of " + std::to_string(manifest.tree_size) +
                 " entries, whose tiles are not in this file");
  return SignedTree::Load(file, 0, manifest.root, findings);
}

// With no manifest: the entries for themselves, so that the first bad one can be named.
Status CheckBareEntries(const ExportFile& file, const Order& order, Report& report) {
  const audit::ContainerFile* entries = file.Find("entries.ndjson");
  if (entries == nullptr) {
    report.findings.EntryFails(0, "the file holds no entries");
    return Done{};
  }
  auto lines = file.ReadLines(entries->name);
  if (!lines) return std::move(lines).error();
  std::optional<std::uint64_t> expected;
  for (std::uint64_t read = 0;; ++read) {  // ends with the file
    const auto line = lines->Next();
    if (!line && line.error().reason == Reason::kConfiguration) return line.error();
    if (!line) report.findings.EntryFails(expected.value_or(0), "it is not whole");
    if (!line || !line->has_value()) break;
    const auto entry = ParseCanonical(**line);
    const auto index = entry ? NumberOf(*entry, "index") : std::nullopt;
    if (!index || (expected && *index != *expected)) {
      report.findings.EntryFails(expected.value_or(0), entry
                                                           ? "an entry is missing, moved or put in"
                                                           : "it is not canonical JSON (RFC 8785)");
      return Done{};
    }
    expected = *index + 1;
    order.progress("entries", read, 0);
  }
  report.findings.EntryFails(expected.value_or(0),
                             "there is no entry with this index, and no "
                             "manifest that says where the log ends");
  return Done{};
}

Status CheckSigned(const ExportFile& file, const Order& order, const Manifest& manifest,
                   const std::vector<audit::NoteKey>& witnesses, Report& report) {
  Findings& findings = report.findings;
  auto chosen = ChooseKey(order, file, manifest.origin, report);
  if (!chosen) return std::move(chosen).error();
  CheckLayout(file, manifest, findings);
  std::vector<audit::Checkpoint> checkpoints;
  if (chosen->has_value()) {
    CheckManifestSignature(file, (*chosen)->key, findings);
    auto good = CheckCheckpoints(file, manifest, (*chosen)->key, witnesses, findings);
    if (!good) return std::move(good).error();
    checkpoints = *std::move(good);
  }
  // A tree that no checkpoint signs tells at least whether entries and tiles agree.
  const bool is_signed = !checkpoints.empty() && checkpoints.back().size == manifest.tree_size &&
                         checkpoints.back().root == manifest.root;
  auto tree = LoadTree(file, manifest, findings);
  if (!tree) return std::move(tree).error();
  if (is_signed && tree->authentic()) {
    findings.Verified("the tree of " + std::to_string(manifest.tree_size) +
                      " entries: the tiles above level 0 hash to the signed root (memory for "
                      "them: " +
                      std::to_string(tree->octets() / 1024) + " KiB)");
    CheckRoots(checkpoints, *tree, findings);
  } else if (!tree->authentic()) {
    findings.Fails("the tiles do not hash to the root that the manifest names");
  }

  auto trust = TrustHistory::Load(file);
  if (!trust && trust.error().reason == Reason::kConfiguration) return std::move(trust).error();
  if (!trust) findings.Fails("certificates and lists: " + trust.error().explanation);
  if (trust) CheckKeyHistory(file, manifest.origin, *trust, findings);
  const Against against{.tree = &*tree,
                        .tree_is_signed = is_signed && tree->authentic(),
                        .trust = trust ? &*trust : nullptr,
                        .recovered = order.recovered};
  Status entries = CheckEntries(
      file, manifest.range, against, findings,
      [&](std::uint64_t done, std::uint64_t all) { order.progress("entries", done, all); });
  if (!entries) return entries;
  findings.NotVerified(
      "summary.html: it is the box's own words for people; read this program's instead");
  if (trust) {
    if (Status roots = CheckTrustedRoots(*trust, order, findings); !roots) return roots;
    SayRelaxations(*trust, manifest.range.first, findings);
  }
  if (order.since.empty()) {
    findings.NotVerified(
        "that nothing was rolled back or forked since a checkpoint of yours: none "
        "was named (--since)");
    return Done{};
  }
  if (!chosen->has_value()) {
    findings.Fails("--since cannot be verified without a key");
    return Done{};
  }
  return CheckSince(order.since, manifest, (*chosen)->key, tree->authentic() ? &*tree : nullptr,
                    findings);
}

}  // namespace

Result<Report> VerifyExport(const Order& order) {
  const auto witnesses = WitnessKeys(order.witnesses);
  if (!witnesses) return witnesses.error();
  if (Status xml = duis::InitialiseXml(); !xml) return std::move(xml).error();
  const auto file = ExportFile::Open(order.file, [&](std::uint64_t done, std::uint64_t all) {
    order.progress("container", done, all);
  });
  if (!file) return file.error();
  Report report;
  report.facts["file"] = order.file.string();
  CheckContainer(*file, report.findings);
  const auto manifest = ReadManifest(*file, report.findings);
  if (!manifest) return manifest.error();
  if (!manifest->has_value()) {
    if (Status bare = CheckBareEntries(*file, order, report); !bare) return std::move(bare).error();
    return report;
  }
  const Manifest& said = **manifest;
  report.facts["origin"] = said.origin;
  report.facts["redaction"] = said.redaction;
  report.facts["environment"] = said.range.environment;
  report.facts["first"] = std::to_string(said.range.first);
  report.facts["end"] = std::to_string(said.range.end);
  report.facts["tree_size"] = std::to_string(said.tree_size);
  report.facts["root"] = ToHex(said.root);
  Status checked = CheckSigned(*file, order, said, *witnesses, report);
  if (!checked) return std::move(checked).error();
  return report;
}

}  // namespace acb::verify
