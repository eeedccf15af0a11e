#include <boost/json.hpp>

#include "firmware/audit/entry.h"
#include "firmware/audit/merkle.h"
#include "firmware/audit/note.h"
#include "firmware/base/request_id.h"
#include "tools/acb-verify/keys.h"
#include "tools/acb-verify/members.h"
#include "tools/acb-verify/verify.h"

namespace acb::verify {
namespace {

// index, leaf, entry, tree_size, root, proof, checkpoint; nothing that is not verified.
constexpr std::size_t kMembers = 7;
constexpr std::uint64_t kMaxReceipt = std::uint64_t{1} << 20;

std::string Member(const boost::json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(std::string_view(value->get_string()))
                                                : std::string();
}

// Of the outermost object, as they stand in the text: a parser keeps one of two of the same name,
// and another parser the other.
std::size_t CountMembers(std::string_view text) {
  std::size_t depth = 0;
  std::size_t colons = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quoted && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (quoted) {
      continue;
    } else if (text[i] == '{' || text[i] == '[') {
      ++depth;
    } else if (text[i] == '}' || text[i] == ']') {
      --depth;
    } else if (text[i] == ':' && depth == 1) {
      ++colons;
    }
  }
  return colons;
}

struct Receipt {
  std::uint64_t index = 0;
  std::uint64_t size = 0;
  Sha256Digest leaf{};
  Sha256Digest root{};
  audit::Proof proof;
  std::string entry;
  audit::Note note;
  audit::Checkpoint checkpoint;
};

// Nothing for what is not the answer of /v1/audit/proof.
std::optional<Receipt> Read(const std::string& text) {
  boost::system::error_code error;
  const boost::json::value parsed = boost::json::parse(text, error);
  if (error || !parsed.is_object()) return {};
  const boost::json::object& members = parsed.get_object();
  if (members.size() != kMembers || CountMembers(text) != kMembers) return {};
  const auto index = ParseDecimal(Member(members, "index"));
  const auto size = ParseDecimal(Member(members, "tree_size"));
  const auto leaf = DigestFrom(Member(members, "leaf"));
  const auto root = DigestFrom(Member(members, "root"));
  auto note = audit::ParseNote(Member(members, "checkpoint"));
  const auto checkpoint = note ? audit::ParseCheckpoint(note->text) : std::nullopt;
  const auto* hashes = members.if_contains("proof");
  if (!index || !size || !leaf || !root || !checkpoint || hashes == nullptr ||
      !hashes->is_array() || hashes->get_array().size() > audit::kMaxProofHashes) {
    return {};
  }
  Receipt receipt{*index,           *size,      *leaf, *root, {}, Member(members, "entry"),
                  *std::move(note), *checkpoint};
  for (const boost::json::value& item : hashes->get_array()) {
    const auto hash =
        item.is_string() ? DigestFrom(std::string_view(item.get_string())) : std::nullopt;
    if (!hash) return {};
    receipt.proof.push_back(*hash);
  }
  return receipt;
}

void CheckEntry(const Receipt& receipt, Findings& findings) {
  const auto entry = ParseCanonical(receipt.entry);
  if (audit::LeafHash(receipt.entry) != receipt.leaf) {
    findings.EntryFails(receipt.index, "the entry does not hash to the leaf");
  } else if (!entry || NumberOf(*entry, "index") != receipt.index) {
    findings.EntryFails(receipt.index, "the entry is no canonical JSON, or has another index");
  } else {
    findings.Verified("the entry is canonical, has this index and hashes to the leaf");
  }
}

void CheckTree(const Receipt& receipt, Findings& findings) {
  if (receipt.checkpoint.size != receipt.size || receipt.checkpoint.root != receipt.root) {
    findings.Fails("the checkpoint is of another tree than the proof");
    return;
  }
  if (!audit::VerifyInclusion(receipt.index, receipt.size, receipt.leaf, receipt.proof,
                              receipt.root)) {
    findings.EntryFails(receipt.index, "the proof does not show it in the checkpoint's tree");
    return;
  }
  findings.Verified("it is entry " + std::to_string(receipt.index) + " of the tree of " +
                    std::to_string(receipt.size) + " entries that the checkpoint names");
}

}  // namespace

Result<Report> VerifyReceipt(const Order& order) {
  const auto text = ReadFile(order.file, kMaxReceipt);
  if (!text) return text.error();
  Report report;
  Findings& findings = report.findings;
  report.facts["file"] = order.file.string();
  const auto receipt = Read(*text);
  if (!receipt) {
    findings.Fails("it is not the answer of GET /v1/audit/proof/{index}");
    return report;
  }
  report.facts["origin"] = receipt->checkpoint.origin;
  report.facts["index"] = std::to_string(receipt->index);
  report.facts["tree_size"] = std::to_string(receipt->size);
  CheckEntry(*receipt, findings);
  CheckTree(*receipt, findings);
  if (order.key.empty()) {
    findings.NotVerified("the checkpoint's signature: a receipt brings no key (--key)");
    findings.Provided("the checkpoint is one of the box: without --key anyone can make this file");
    return report;
  }
  const auto spki = ReadSpki(order.key);
  if (!spki) return spki.error();
  report.facts["key_sha256"] = Fingerprint(*spki);
  const auto key = KeyFromSpki(receipt->checkpoint.origin, *spki);
  if (!key ||
      audit::VerifyNote(receipt->note, *key).verdict != audit::SignatureCheck::Verdict::kGood) {
    findings.Fails("the checkpoint is not signed with --key");
  } else {
    findings.Verified("the checkpoint's signature");
  }
  return report;
}

}  // namespace acb::verify
