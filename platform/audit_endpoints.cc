#include "platform/audit_endpoints.h"

#include <algorithm>
#include <boost/json.hpp>

#include "firmware/base/request_id.h"
#include "platform/audit_view.h"

namespace acb::platform {
namespace {

constexpr std::uint64_t kMaxEntriesPerAnswer = 1000;
constexpr std::uint64_t kUsualEntriesPerAnswer = 100;
// What is complete never changes. It is the auditor's own: no shared cache may keep it.
constexpr std::string_view kImmutable = "private, max-age=31536000, immutable";

constexpr std::string_view kEntries = "/v1/audit/entries";
constexpr std::string_view kDisclosures = "/v1/audit/disclosures";
constexpr std::string_view kCheckpoint = "/v1/audit/checkpoint";
constexpr std::string_view kTile = "/v1/audit/tile/{path...}";
constexpr std::string_view kProof = "/v1/audit/proof/{index}";

HttpResponse Text(std::string body, std::string_view content_type) {
  HttpResponse response;
  response.content_type = content_type;
  response.body = std::move(body);
  return response;
}

// The value of a query parameter that is a number; `otherwise` when absent, nothing when it is
// none.
std::optional<std::uint64_t> NumberParameter(const HttpRequest& request, std::string_view name,
                                             std::uint64_t otherwise) {
  const auto text = request.QueryParameter(name);
  return text ? ParseDecimal(*text) : std::optional(otherwise);
}

using ReadLines = Result<std::vector<std::string>> (store::Store::*)(std::uint64_t,
                                                                     std::uint64_t) const;

HttpResponse GetLines(Box& box, const HttpRequest& request, ReadLines read) {
  const auto from = NumberParameter(request, "from", 0);
  const auto count = NumberParameter(request, "count", kUsualEntriesPerAnswer);
  if (!from || !count) {
    return Problem(Failure(Reason::kMalformed, "'from' and 'count' are decimal numbers"));
  }
  const auto found = (box.store().*read)(*from, std::min(*count, kMaxEntriesPerAnswer));
  if (!found) return Problem(found.error());
  std::string lines;
  for (const std::string& line : *found) lines.append(line).append("\n");
  return Text(std::move(lines), "application/x-ndjson");
}

HttpResponse GetCheckpoint(Box& box) {
  // A box that has just started has none for a moment.
  const auto newest = box.checkpoints().Cover(1);
  if (!newest) return Problem(newest.error());
  HttpResponse response = Text(audit::FormatNote(newest->note), "text/plain; charset=utf-8");
  response.headers.push_back({"ACB-Checkpoint-Key", audit::FormatKey(box.checkpoints().key())});
  return response;
}

Result<std::string> OctetsOf(store::Store& store, const audit::Tile& tile) {
  if (tile.entries) {
    const auto entries = store.ReadBundle(tile);
    if (!entries) return entries.error();
    const auto bundle = audit::EncodeBundle(*entries);
    if (!bundle) return Failure(Reason::kRecordDamaged, {}, "an entry is too long for a bundle");
    return std::string(AsText(*bundle));
  }
  const auto hashes = store.ReadTile(tile);
  if (!hashes) return hashes.error();
  std::string octets;
  for (const Sha256Digest& hash : *hashes) octets.append(AsText(hash));
  return octets;
}

HttpResponse GetTile(Box& box, const HttpRequest& request) {
  const auto tile = audit::ParseTilePath("tile/" + std::string(request.Parameter("path")));
  const auto newest = box.checkpoints().newest();
  // Nothing is shown in this form that no checkpoint covers.
  const std::uint64_t size = newest ? newest->content.size : 0;
  if (!tile || tile->width > audit::TileWidthAt(size, tile->level, tile->index)) {
    return Problem(Failure(Reason::kNotFound, "the tree of the newest checkpoint, of " +
                                                  std::to_string(size) +
                                                  " entries, has no such tile"));
  }
  auto octets = OctetsOf(box.store(), *tile);
  if (!octets) return Problem(octets.error());
  HttpResponse response = Text(*std::move(octets), "application/octet-stream");
  if (tile->width == audit::kTileWidth) response.cache_control = kImmutable;
  return response;
}

Result<boost::json::object> Prove(Box& box, std::uint64_t index) {
  const auto entry = box.store().ReadAudit(index, 1);
  if (!entry) return entry.error();
  if (entry->empty()) {
    return Failure(Reason::kNotFound, "the log has no entry " + std::to_string(index) + " yet");
  }
  const auto checkpoint = box.checkpoints().Cover(index + 1);
  if (!checkpoint) return checkpoint.error();
  const audit::Checkpoint& tree = checkpoint->content;
  const auto proof = box.store().ProveInclusion(index, tree.size);
  if (!proof) return proof.error();
  const Sha256Digest leaf = audit::LeafHash(entry->front());
  // A proof that does not hold would be a damaged store, not an answer.
  if (!audit::VerifyInclusion(index, tree.size, leaf, *proof, tree.root)) {
    return Failure(Reason::kRecordDamaged, {},
                   "entry " + std::to_string(index) + " is not in the tree of the checkpoint");
  }
  boost::json::array hashes;
  for (const Sha256Digest& hash : *proof) hashes.emplace_back(ToHex(hash));
  return boost::json::object{{"index", std::to_string(index)},
                             {"leaf", ToHex(leaf)},
                             {"entry", entry->front()},
                             {"tree_size", std::to_string(tree.size)},
                             {"root", ToHex(tree.root)},
                             {"proof", std::move(hashes)},
                             {"checkpoint", audit::FormatNote(checkpoint->note)}};
}

HttpResponse GetProof(Box& box, const HttpRequest& request) {
  const auto index = ParseDecimal(request.Parameter("index"));
  if (!index) return Problem(Failure(Reason::kNotFound, "an entry is named by its index"));
  const auto proof = Prove(box, *index);
  return proof ? JsonResponse(*proof) : Problem(proof.error());
}

}  // namespace

void AddAuditRoutes(Router& router, Box& box, const Log& log) {
  const auto add = [&](std::string_view pattern, auto handler) {
    AddAuditView(router, box, log, pattern,
                 [&box, handler](const HttpRequest& request) { return handler(box, request); });
  };
  add(kEntries, [](Box& of, const HttpRequest& request) {
    return GetLines(of, request, &store::Store::ReadAudit);
  });
  add(kDisclosures, [](Box& of, const HttpRequest& request) {
    return GetLines(of, request, &store::Store::ReadDisclosures);
  });
  add(kCheckpoint, [](Box& of, const HttpRequest&) { return GetCheckpoint(of); });
  add(kTile, GetTile);
  add(kProof, GetProof);
  router.AddToAnswers("POST", [&box](HttpResponse& response) {
    std::string checkpoint = box.checkpoints().header();
    if (!checkpoint.empty()) {
      response.headers.push_back({"ACB-Checkpoint", std::move(checkpoint)});
    }
  });
}

}  // namespace acb::platform
