#include "tools/acbctl/audit.h"

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fstream>
#include <iostream>
#include <optional>

#include "firmware/audit/entry.h"
#include "firmware/audit/merkle.h"
#include "firmware/audit/note.h"
#include "firmware/base/request_id.h"
#include "tools/acbctl/part_file.h"

namespace acb::acbctl {
namespace {

struct Checkpoint {
  audit::Checkpoint content;
  audit::Note note;
};

Failure Unfit(std::string what) {
  return Failure(Reason::kSignatureInvalid, "the service's answer is of no use: " + what);
}

std::string TextOf(const boost::json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

std::optional<Sha256Digest> DigestOf(const boost::json::value& hex) {
  const auto octets = hex.is_string() ? FromHex(hex.get_string()) : std::nullopt;
  return octets ? audit::ToDigest(*octets) : std::nullopt;
}

Result<Checkpoint> ReadCheckpoint(std::string_view octets) {
  auto note = audit::ParseNote(octets);
  const auto content = note ? audit::ParseCheckpoint(note->text) : std::nullopt;
  if (!content) return Unfit("it is no signed checkpoint");
  return Checkpoint{*content, *std::move(note)};
}

// Where --out says, else standard output.
Status Write(const std::filesystem::path& file, std::string_view text) {
  if (file.empty()) {
    std::cout << text << std::flush;
    return Done{};
  }
  // A checkpoint that is kept is the proof that nothing was taken away since: never half of one.
  return WriteWhole(file, text);
}

boost::json::array SignersOf(const audit::Note& note) {
  boost::json::array names;
  for (const audit::NoteSignature& one : note.signatures) names.emplace_back(one.name);
  return names;
}

// The proof holds in the tree of its checkpoint, for the entry that it carries.
Status CheckProof(const boost::json::object& json, std::uint64_t wanted) {
  const auto checkpoint = ReadCheckpoint(TextOf(json, "checkpoint"));
  if (!checkpoint) return checkpoint.error();
  const auto index = ParseDecimal(TextOf(json, "index"));
  const auto* hashes = json.if_contains("proof");
  if (index != wanted || hashes == nullptr || !hashes->is_array()) {
    return Unfit("it is no proof of entry " + std::to_string(wanted));
  }
  audit::Proof proof;
  for (const boost::json::value& hex : hashes->get_array()) {
    const auto digest = DigestOf(hex);
    if (!digest) return Unfit("its proof has a hash that is none");
    proof.push_back(*digest);
  }
  const audit::Checkpoint& tree = checkpoint->content;
  const Sha256Digest leaf = audit::LeafHash(TextOf(json, "entry"));
  if (TextOf(json, "leaf") != ToHex(leaf)) return Unfit("the entry does not hash to its leaf");
  if (!audit::VerifyInclusion(*index, tree.size, leaf, proof, tree.root)) {
    return Unfit("the entry is not in the tree of the checkpoint");
  }
  return Done{};
}

void Say(const Connection& connection, const boost::json::object& result) {
  if (connection.json) {
    std::cout << boost::json::serialize(result) << "\n";
  } else {
    PrintMembers(result, "");
  }
}

}  // namespace

CLI::App* AddAudit(CLI::App& app, AuditOptions& options) {
  CLI::App* command = app.add_subcommand("audit", "Checkpoints and proofs of the audit log");
  command->require_subcommand(1);
  CLI::App* checkpoint = command->add_subcommand(
      "checkpoint", "The newest signed checkpoint, to be kept away from the box");
  checkpoint->add_option("--out", options.out, "Write the note here; else to standard output");
  checkpoint->add_option("--vkey-out", options.vkey_out,
                         "Write the log's public key here (name+hash+key). It comes from the box: "
                         "compare it with the one that was read when the box was provisioned");
  checkpoint->footer(
      "Example:\n  acbctl --directory /tmp/box audit checkpoint --out checkpoint --vkey-out vkey");
  CLI::App* proof =
      command->add_subcommand("proof", "Proof that the log holds an entry, for acb-verify receipt");
  proof->add_option("index", options.index, "The entry, as an answer's audit.index says")
      ->required()
      ->check(CLI::NonNegativeNumber);
  proof->add_option("--out", options.out, "Write it here; else to standard output");
  proof->footer("Example:\n  acbctl --directory /tmp/box audit proof 42 --out receipt.json");
  return command;
}

int ShowCheckpoint(const Connection& connection, const AuditOptions& options) {
  const auto response =
      Send(connection, "auditor", {.method = "GET", .target = "/v1/audit/checkpoint"});
  if (!response) return Complain(connection, response.error());
  if (response->status != 200) return *PrintRaw(connection, *response);
  const auto checkpoint = ReadCheckpoint(response->body);
  if (!checkpoint) return Complain(connection, checkpoint.error());
  const auto key = audit::ParseKey(response->Header("ACB-Checkpoint-Key").value_or(""));
  if (!key ||
      audit::VerifyNote(checkpoint->note, *key).verdict != audit::SignatureCheck::Verdict::kGood) {
    return Complain(connection, Unfit("the checkpoint is not signed by the key that came with it"));
  }
  if (!options.vkey_out.empty()) {
    const Status written = Write(options.vkey_out, audit::FormatKey(*key) + "\n");
    if (!written) return Complain(connection, written.error());
  }
  if (!connection.json || !options.out.empty()) {
    if (Status written = Write(options.out, response->body); !written) {
      return Complain(connection, written.error());
    }
  }
  if (options.out.empty() && !connection.json) return kGood;
  Say(connection, {{"origin", checkpoint->content.origin},
                   {"size", std::to_string(checkpoint->content.size)},
                   {"root", ToHex(checkpoint->content.root)},
                   {"vkey", audit::FormatKey(*key)},
                   {"signed_by", SignersOf(checkpoint->note)},
                   {"checkpoint", connection.json ? boost::json::value(response->body)
                                                  : boost::json::value(options.out.string())}});
  return kGood;
}

int ShowProof(const Connection& connection, const AuditOptions& options) {
  const auto response =
      Send(connection, "auditor",
           {.method = "GET", .target = "/v1/audit/proof/" + std::to_string(options.index)});
  if (!response) return Complain(connection, response.error());
  if (response->status != 200) return *PrintRaw(connection, *response);
  const boost::json::object json = ParseObject(response->body);
  if (Status holds = CheckProof(json, options.index); !holds)
    return Complain(connection, holds.error());
  if (Status written = Write(options.out, response->body + "\n"); !written) {
    return Complain(connection, written.error());
  }
  if (options.out.empty()) return kGood;
  Say(connection, {{"index", TextOf(json, "index")},
                   {"leaf", TextOf(json, "leaf")},
                   {"tree_size", TextOf(json, "tree_size")},
                   {"file", options.out.string()}});
  return kGood;
}

}  // namespace acb::acbctl
