#include "platform/export_endpoint.h"

#include <boost/json.hpp>
#include <memory>
#include <mutex>

#include "firmware/base/request_id.h"
#include "hsm/public_key.h"
#include "platform/audit_export.h"
#include "platform/json_body.h"
#include "store/acts.h"

namespace acb::platform {
namespace {

struct Wish {
  std::string from;  // empty: open
  std::string to;
  Redaction redaction = Redaction::kSsc;
};

Result<Wish> ReadWish(const HttpRequest& request) {
  const auto object = ReadObject(request, {"from", "to", "redaction"});
  if (!object) return object.error();
  Wish wish;
  for (const auto& [name, place] : {std::pair("from", &wish.from), std::pair("to", &wish.to)}) {
    if (!object->contains(name)) continue;
    auto text = TextMember(*object, name);
    if (!text) return std::move(text).error();
    *place = *std::move(text);
  }
  const auto redaction = TextMember(*object, "redaction");
  if (!redaction) return redaction.error();
  if (*redaction != Name(Redaction::kSsc) && *redaction != Name(Redaction::kPanel)) {
    return Failure(Reason::kMalformed, "'redaction' is ssc or panel");
  }
  wish.redaction = *redaction == Name(Redaction::kSsc) ? Redaction::kSsc : Redaction::kPanel;
  return wish;
}

using Finder = Result<std::uint64_t> (*)(const store::Store&, std::uint64_t size, UtcTime at);

// An index, or where `find` sees an instant. Above the log's size when it is an index above it.
Result<std::uint64_t> IndexOf(const store::Store& store, std::uint64_t size,
                              std::string_view member, const std::string& text, Finder find) {
  if (const auto index = ParseDecimal(text)) return *index;
  const auto time = UtcTime::FromIso(text);
  const auto instant = time ? time : UtcTime::FromIsoDate(text);
  if (!instant) {
    return Failure(Reason::kMalformed,
                   "'" + std::string(member) +
                       "' is a decimal index, a time as 2026-11-21T12:00:00Z or a date");
  }
  return find(store, size, *instant);
}

// The first kept checkpoint that covers the range, so that a closed range always gets the same one.
Result<audit::Checkpoint> Covering(Box& box, std::uint64_t end) {
  const auto covered = box.checkpoints().Cover(end);
  if (!covered) return covered.error();
  const auto kept = box.store().ListCheckpoints(end, 1);
  if (!kept) return kept.error();
  const auto note = kept->empty() ? std::nullopt : audit::ParseNote(kept->front().note);
  const auto checkpoint = note ? audit::ParseCheckpoint(note->text) : std::nullopt;
  if (!checkpoint) return Failure(Reason::kRecordDamaged, {}, "a kept checkpoint is none");
  return *checkpoint;
}

Result<ExportRange> RangeOf(Box& box, const Wish& wish) {
  ExportRange range{.first = 0, .end = 0, .from = wish.from, .to = wish.to, .covering = {}};
  const auto size = box.store().AuditSize();
  if (!size) return size.error();
  if (!wish.from.empty()) {
    const auto first = IndexOf(box.store(), *size, "from", wish.from, FirstEntryAt);
    if (!first) return first.error();
    range.first = *first;
  }
  range.end = *size;
  if (!wish.to.empty()) {
    const auto end = IndexOf(box.store(), *size, "to", wish.to, EndOfEntriesBefore);
    if (!end) return end.error();
    range.end = *end;
  }
  if (range.end > *size) {
    return Failure(Reason::kMalformed,
                   "the log has " + std::to_string(*size) + " entries: 'to' is at most that");
  }
  if (range.first >= range.end) {
    return Failure(Reason::kMalformed, "there is no entry in this range: it would begin at " +
                                           std::to_string(range.first) + " and end before " +
                                           std::to_string(range.end));
  }
  const auto covering = Covering(box, range.end);
  if (!covering) return covering.error();
  range.covering = *covering;
  // Open: all that the checkpoint made for it covers.
  if (wish.to.empty()) range.end = covering->size;
  return range;
}

ExportKeys KeysOf(Box& box) {
  hsm::CheckpointSigner& signer = box.hsm().checkpoint_signer();
  return {.checkpoint = box.checkpoints().key(),
          .checkpoint_spki = hsm::ToSpki(signer.public_key()),
          .sign = [&signer](std::string_view text) { return signer.Sign(AsBytes(text)); }};
}

// requirements.md section 3, item 28: who took what, before it leaves.
audit::Entry EntryOf(const ExportRange& range, Redaction redaction, const Sha256Digest& manifest,
                     std::uint64_t octets, const ClientIdentity& client, UtcTime at) {
  audit::Entry entry("export", at);
  entry.Set("act", store::acts::kAuditExport)
      .Set("auditor", client.name)
      .Set("recipient", client.sha256)
      .SetIfAny("from", range.from)
      .SetIfAny("to", range.to)
      .Set("first", std::to_string(range.first))
      .Set("end", std::to_string(range.end))
      .Set("tree_size", std::to_string(range.covering.size))
      .Set("redaction", Name(redaction))
      .Set("octets", std::to_string(octets))
      .Set("manifest_sha256", ToHex(manifest));
  return entry;
}

HttpResponse PostExport(Box& box, const Config& config, const Clock& clock,
                        const HttpRequest& request) {
  const auto wish = ReadWish(request);
  if (!wish) return Problem(wish.error());
  const auto range = RangeOf(box, *wish);
  if (!range) return Problem(range.error());
  auto file = UnnamedFile::Create(config.backup_directory.empty() ? config.store_directory / "tmp"
                                                                  : config.backup_directory);
  if (!file) return Problem(file.error());
  ExportSpool spool(*std::move(file));
  const auto manifest = WriteExport(box.store(), *range, wish->redaction, KeysOf(box), spool);
  if (!manifest) return Problem(manifest.error());
  const auto recorded = box.store().BeginBackup(EntryOf(
      *range, wish->redaction, *manifest, spool.file().size(), request.client, clock.Now()));
  if (!recorded) return Problem(recorded.error());
  HttpResponse response;
  response.content_type = "application/x-tar";
  response.file = spool.file().Share();
  response.file_size = spool.file().size();
  response.headers.push_back({"X-Manifest-SHA256", ToHex(*manifest)});
  response.headers.push_back({"X-Export", audit::CanonicalJson(audit::Object{
                                              {"first", std::to_string(range->first)},
                                              {"end", std::to_string(range->end)},
                                              {"tree_size", std::to_string(range->covering.size)},
                                              {"root", ToHex(range->covering.root)},
                                              {"redaction", Name(wish->redaction)}})});
  return response;
}

}  // namespace

void AddExportRoute(Router& router, Box& box, const Config& config, const Clock& clock) {
  // Each reads the whole range and has a file as large as it.
  const auto one_at_a_time = std::make_shared<std::mutex>();
  router.Add("POST", "/v1/audit/export", config.body_octets,
             [&box, &config, &clock, one_at_a_time](const HttpRequest& request) {
               const std::unique_lock lock(*one_at_a_time, std::try_to_lock);
               if (!lock) return Problem(Failure(Reason::kBusy, "an export is being made"));
               return PostExport(box, config, clock, request);
             });
}

}  // namespace acb::platform
