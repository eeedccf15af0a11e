#include "platform/audit_export.h"

#include <algorithm>
#include <boost/json.hpp>
#include <map>

#include "firmware/audit/panel.h"
#include "firmware/audit/tile.h"
#include "firmware/base/base64.h"
#include "firmware/reports/log_entry.h"
#include "platform/export_summary.h"
#include "platform/export_trust.h"

namespace acb::platform {
namespace {

constexpr const char* kFormat = "acb-audit-export-1";
// Read in one piece: some megabytes at most.
constexpr std::uint64_t kEntriesAtOnce = 500;
constexpr std::uint64_t kCheckpointsAtOnce = 1'000;
constexpr std::uint64_t kTimesAtOnce = 4'096;
static_assert(std::max(kEntriesAtOnce, kTimesAtOnce) <= store::Store::kMaxAuditRead);

std::string_view TextOf(const boost::json::object& entry, std::string_view name) {
  const auto* value = entry.if_contains(name);
  return value != nullptr && value->is_string()
             ? std::string_view(value->get_string().data(), value->get_string().size())
             : std::string_view();
}

bool IsWithheld(const boost::json::object& entry, Redaction redaction) {
  // R-SEC3-54, R-SEC3-69.
  return redaction == Redaction::kPanel &&
         audit::IsWithheldFromPanel(TextOf(entry, "kind"), entry.contains("operators"),
                                    entry.contains("explanation"));
}

Result<boost::json::object> ParseEntry(const std::string& octets) {
  boost::system::error_code error;
  auto parsed = boost::json::parse(octets, error);
  if (error || !parsed.is_object()) {
    return Failure(Reason::kRecordDamaged, {}, "an entry of the log is no JSON object");
  }
  return std::move(parsed.get_object());
}

class Writing {
 public:
  Writing(const store::Store& store, const ExportRange& range, Redaction redaction,
          const ExportKeys& keys, ExportSpool& spool)
      : store_(store), range_(range), redaction_(redaction), keys_(keys), spool_(spool) {}

  Result<Sha256Digest> Run() {
    using Step = Status (Writing::*)();
    // The order of the container's files.
    const Step steps[] = {&Writing::WriteEntries,     &Writing::WriteDisclosures,
                          &Writing::WriteEvidence,    &Writing::WriteTrustFiles,
                          &Writing::WriteCheckpoints, &Writing::WriteTiles,
                          &Writing::WriteSummary};
    for (const Step step : steps) {
      if (Status done = (this->*step)(); !done) return std::move(done).error();
    }
    return WriteManifest();
  }

 private:
  bool Whole() const { return redaction_ == Redaction::kSsc; }

  // Calls `take` with each entry of the range.
  template <class Take>
  Status ForEachEntry(const Take& take) {
    for (std::uint64_t at = range_.first; at < range_.end;) {
      if (Status goes_on = store_.CheckGoesOn(); !goes_on) return goes_on;
      const auto entries = store_.ReadAudit(at, std::min(kEntriesAtOnce, range_.end - at));
      if (!entries) return entries.error();
      if (entries->empty()) return Failure(Reason::kRecordDamaged, {}, "the log is shorter");
      for (const std::string& octets : *entries) {
        const auto entry = ParseEntry(octets);
        if (!entry) return entry.error();
        if (Status taken = take(at, octets, *entry); !taken) return taken;
        ++at;
      }
    }
    return Done{};
  }

  Status WriteEntries() {
    if (Status begun = spool_.Begin("entries.ndjson"); !begun) return begun;
    Status written = ForEachEntry([this](std::uint64_t index, const std::string& octets,
                                         const boost::json::object& entry) -> Status {
      counts_.See(TextOf(entry, "kind"), TextOf(entry, "time"), TextOf(entry, "environment"));
      if (!IsWithheld(entry, redaction_)) return spool_.Append(octets + "\n");
      ++counts_.withheld;
      return spool_.Append(
          audit::CanonicalJson(audit::Object{{"index", std::to_string(index)},
                                             {"leaf", ToHex(audit::LeafHash(octets))},
                                             {"withheld", true}}) +
          "\n");
    });
    return written ? spool_.End() : written;
  }

  Status WriteDisclosures() {
    if (!Whole()) return Done{};
    if (Status begun = spool_.Begin("disclosures.ndjson"); !begun) return begun;
    for (std::uint64_t at = range_.first; at < range_.end; at += kEntriesAtOnce) {
      if (Status goes_on = store_.CheckGoesOn(); !goes_on) return goes_on;
      const auto lines = store_.ReadDisclosures(at, std::min(kEntriesAtOnce, range_.end - at));
      if (!lines) return lines.error();
      for (const std::string& line : *lines) {
        if (Status added = spool_.Append(line + "\n"); !added) return added;
      }
    }
    return spool_.End();
  }

  // Base64 of the octets that the entry names, or nothing when they are not held.
  Result<std::optional<std::string>> EvidenceOf(const boost::json::object& entry,
                                                std::string_view member) const {
    const auto named = FromHex(TextOf(entry, member));
    const auto sha256 = named ? audit::ToDigest(*named) : std::nullopt;
    if (!sha256) return std::optional<std::string>();
    const auto octets = store_.FindEvidence(*sha256);
    if (!octets) return octets.error();
    if (!octets->has_value()) return std::optional<std::string>();
    return std::optional(ToBase64(**octets));
  }

  Status WriteEvidence() {
    if (!Whole()) return Done{};
    if (Status begun = spool_.Begin("evidence.ndjson"); !begun) return begun;
    Status written = ForEachEntry([this](std::uint64_t index, const std::string&,
                                         const boost::json::object& entry) -> Status {
      const std::string_view kind = TextOf(entry, "kind");
      const bool with_command = kind == "signed";
      if (!with_command && kind != "refused" && kind != "quarantined") return Done{};
      const auto request = EvidenceOf(entry, "request_sha256");
      if (!request) return request.error();
      // After a recovery from the entries alone there is none.
      if (!request->has_value()) return Done{};
      audit::Object line{{"index", std::to_string(index)}, {"request", **request}};
      if (with_command) {
        const auto command = EvidenceOf(entry, "command_sha256");
        if (!command) return command.error();
        if (!command->has_value()) return Done{};
        line.emplace("command", **command);
      }
      return spool_.Append(audit::CanonicalJson(std::move(line)) + "\n");
    });
    return written ? spool_.End() : written;
  }

  Status WriteTrustFiles() { return WriteTrust(store_, range_, keys_, spool_); }

  Status WriteCheckpoints() {
    if (Status begun = spool_.Begin("checkpoints"); !begun) return begun;
    for (std::uint64_t size = range_.first + 1; size <= range_.covering.size;) {
      const auto kept = store_.ListCheckpoints(size, kCheckpointsAtOnce);
      if (!kept) return kept.error();
      if (kept->empty()) break;
      for (const store::KeptCheckpoint& checkpoint : *kept) {
        if (checkpoint.tree_size > range_.covering.size) return spool_.End();
        if (Status added = spool_.Append(checkpoint.note); !added) return added;
      }
      size = kept->back().tree_size + 1;
    }
    return spool_.End();
  }

  Status WriteTile(const audit::Tile& tile) {
    const auto hashes = store_.ReadTile(tile);
    if (!hashes) return hashes.error();
    std::string octets;
    for (const Sha256Digest& hash : *hashes) octets.append(AsText(hash));
    return spool_.AddWhole(audit::PathOf(tile), octets);
  }

  // Those of level 0 that overlap the range and the right edge, and all above.
  Status WriteTiles() {
    const std::uint64_t size = range_.covering.size;
    for (unsigned level = 0; level < audit::kTileLevels; ++level) {
      const std::uint64_t hashes = size >> (audit::kTileHeight * level);
      if (hashes == 0) break;
      const std::uint64_t last = hashes / audit::kTileWidth;
      std::uint64_t index = level == 0 ? range_.first / audit::kTileWidth : 0;
      for (; index <= last; ++index) {
        if (Status goes_on = store_.CheckGoesOn(); !goes_on) return goes_on;
        if (level == 0 && index > (range_.end - 1) / audit::kTileWidth) index = last;
        const unsigned width = audit::TileWidthAt(size, level, index);
        if (width == 0) break;
        const audit::Tile tile{.level = level, .index = index, .width = width};
        if (Status written = WriteTile(tile); !written) return written;
      }
    }
    return Done{};
  }

  Status WriteSummary() {
    return spool_.AddWhole("summary.html",
                           SummaryHtml(range_, Name(redaction_), keys_.checkpoint.name, counts_));
  }

  Result<Sha256Digest> WriteManifest() {
    audit::List files;
    for (const SpooledFile& file : spool_.files()) {
      files.emplace_back(audit::Object{{"name", file.name},
                                       {"octets", std::to_string(file.octets)},
                                       {"sha256", ToHex(file.sha256)}});
    }
    audit::Object requested;
    if (!range_.from.empty()) requested.emplace("from", range_.from);
    if (!range_.to.empty()) requested.emplace("to", range_.to);
    const std::string manifest = audit::CanonicalJson(
        audit::Object{{"format", kFormat},
                      {"origin", keys_.checkpoint.name},
                      {"environment", counts_.environment},
                      {"redaction", Name(redaction_)},
                      // R-063-18: each row of the log names parties or what is theirs.
                      {"classification", "RED"},
                      {"requested", std::move(requested)},
                      {"first", std::to_string(range_.first)},
                      {"end", std::to_string(range_.end)},
                      {"tree_size", std::to_string(range_.covering.size)},
                      {"root", ToHex(range_.covering.root)},
                      {"files", std::move(files)}});
    if (Status added = spool_.AddWhole("manifest.json", manifest); !added) {
      return std::move(added).error();
    }
    const Sha256Digest sha256 = Sha256(AsBytes(manifest));
    const std::string text = std::string(kFormat) + "\n" + ToBase64(sha256) + "\n";
    const auto raw = keys_.sign(text);
    if (!raw) return raw.error();
    const audit::Note note{text, {audit::SignatureBy(keys_.checkpoint, *raw)}};
    if (Status added = spool_.AddWhole("manifest.sig", audit::FormatNote(note)); !added) {
      return std::move(added).error();
    }
    if (Status finished = spool_.Finish(); !finished) return std::move(finished).error();
    return sha256;
  }

  const store::Store& store_;
  const ExportRange& range_;
  const Redaction redaction_;
  const ExportKeys& keys_;
  ExportSpool& spool_;
  ExportCounts counts_;
};

// Of `count` entries from `first` on.
Result<std::vector<UtcTime>> TimesOf(const store::Store& store, std::uint64_t first,
                                     std::uint64_t count) {
  if (Status goes_on = store.CheckGoesOn(); !goes_on) return std::move(goes_on).error();
  const auto entries = store.ReadAudit(first, count);
  if (!entries) return entries.error();
  std::vector<UtcTime> times;
  for (const std::string& octets : *entries) {
    const auto head = reports::ReadHead(octets);
    if (!head) return Failure(Reason::kRecordDamaged, {}, "an entry of the log has no time");
    times.push_back(head->time);
  }
  if (times.size() != count) return Failure(Reason::kRecordDamaged, {}, "the log is shorter");
  return times;
}

}  // namespace

std::string_view Name(Redaction redaction) {
  return redaction == Redaction::kSsc ? "ssc" : "panel";
}

Result<std::uint64_t> FirstEntryAt(const store::Store& store, std::uint64_t size, UtcTime at) {
  for (std::uint64_t index = 0; index < size;) {
    const auto times = TimesOf(store, index, std::min(kTimesAtOnce, size - index));
    if (!times) return times.error();
    const auto found = std::ranges::find_if(*times, [&](UtcTime time) { return time >= at; });
    index += static_cast<std::uint64_t>(found - times->begin());
    if (found != times->end()) return index;
  }
  return size;
}

Result<std::uint64_t> EndOfEntriesBefore(const store::Store& store, std::uint64_t size,
                                         UtcTime at) {
  for (std::uint64_t end = size; end > 0;) {
    const std::uint64_t count = std::min(kTimesAtOnce, end);
    const auto times = TimesOf(store, end - count, count);
    if (!times) return times.error();
    const auto behind =
        std::find_if(times->rbegin(), times->rend(), [&](UtcTime time) { return time < at; });
    end -= static_cast<std::uint64_t>(behind - times->rbegin());
    if (behind != times->rend()) return end;
  }
  return std::uint64_t{0};
}

Result<Sha256Digest> WriteExport(const store::Store& store, const ExportRange& range,
                                 Redaction redaction, const ExportKeys& keys, ExportSpool& spool) {
  return Writing(store, range, redaction, keys, spool).Run();
}

}  // namespace acb::platform
