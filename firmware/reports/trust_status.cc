#include "firmware/reports/trust_status.h"

#include <algorithm>

#include "firmware/base/reason.h"

namespace acb::reports {
namespace {

constexpr std::int64_t kMinuteMilliseconds = 60'000;
constexpr std::string_view kFeed = "revocation-lists";

}  // namespace

bool TrustStatus::Wants(const EntryHead& head, Where where) const {
  if (head.kind == "feed") return true;
  return where == Where::kWithin && (head.kind == "refused" || head.kind == "alarm");
}

void TrustStatus::Take(const LogEntry& entry, Where where) {
  if (entry.kind() == "refused") {
    const std::string_view reason = entry.Text("reason");
    if (reason == Describe(Reason::kCrlStale).name) crl_stale_.Add(entry.index(), listing_);
    if (reason == Describe(Reason::kArlStale).name) arl_stale_.Add(entry.index(), listing_);
    return;
  }
  if (entry.Text("feed") != kFeed) return;
  if (entry.kind() == "alarm") return refused_lists_.Add(entry.index(), listing_);
  NameImport(entry);
  if (where != Where::kWithin) return;
  if (rows_.size() >= kMaxRows) {
    too_many_ = true;
    return;
  }
  // One cell after the other: in one list GCC 12 sees uninitialised cells that are none.
  Row& row = rows_.emplace_back();
  row.emplace_back("item", std::string("import"));
  row.emplace_back("audit_index", std::to_string(entry.index()));
  row.emplace_back("time", entry.time().Iso());
  for (const char* of_a_list : {"issuer", "number", "this_update", "next_update"}) {
    row.emplace_back(of_a_list, std::monostate());
  }
  row.emplace_back("state", std::string(entry.Text("rows")) + " lists, " +
                                std::string(entry.Text("changed")) + " new");
  row.emplace_back("lag_minutes", std::monostate());
  row.emplace_back("sha256", TextOrNothing(entry.Text("sha256")));
}

void TrustStatus::NameImport(const LogEntry& entry) {
  const Import import{entry.index(), entry.time()};
  // Not in an old entry, nor in one that brought so many that only their hash is there.
  std::vector<std::string> named = entry.Texts("brought");
  std::ranges::sort(named);
  const bool brought_anything = entry.Text("changed") != "0";
  for (std::size_t i = 0; i < held_.size(); ++i) {
    if (!brought_by_[i] && std::ranges::binary_search(named, held_[i].sha256)) {
      brought_by_[i] = import;
    }
    if (!first_after_[i] && held_[i].this_update <= entry.time() && brought_anything) {
      first_after_[i] = import;
    }
  }
}

Report TrustStatus::Finish() {
  Report report;
  report.columns = {"item",        "audit_index", "time",  "issuer",      "number",
                    "this_update", "next_update", "state", "lag_minutes", "sha256"};
  for (std::size_t i = 0; i < held_.size() && report.rows.size() < kMaxRows; ++i) {
    const HeldList& list = held_[i];
    const std::optional<Import>& import = brought_by_[i] ? brought_by_[i] : first_after_[i];
    const std::int64_t lag =
        import ? import->at.milliseconds() - list.this_update.milliseconds() : 0;
    report.rows.push_back(
        {{"item", std::string("list held")},
         {"audit_index", import ? Cell(std::to_string(import->entry)) : Cell()},
         {"time", import ? Cell(import->at.Iso()) : Cell()},
         {"issuer", list.issuer},
         {"number", list.number},
         {"this_update", list.this_update.Iso()},
         {"next_update", list.next_update.Iso()},
         {"state", std::string(now_ < list.next_update ? "in force" : "run out")},
         {"lag_minutes", import ? Cell(std::to_string(lag / kMinuteMilliseconds)) : Cell()},
         {"sha256", list.sha256}});
  }
  report.rows.insert(report.rows.end(), rows_.begin(), rows_.end());
  report.totals = {{"requests that met a stale CRL", Figure{"crl_stale", crl_stale_}},
                   {"requests that met a stale ARL", Figure{"arl_stale", arl_stale_}},
                   {"lists refused with an alarm", Figure{"refused_lists", refused_lists_}}};
  report.notices.emplace_back(
      "Lists held are those of now: superseded ones are dropped. The import named beside a list is "
      "the one that brought it. Where no entry of the log names the list, it is the first one "
      "after its thisUpdate that brought anything: the lag is at least that long. "
      "Periods in which a list was stale: report non-compliance.");
  if (too_many_) {
    report.notices.push_back("More than " + std::to_string(kMaxRows) +
                             " imports: the rest is not shown. Ask for a shorter period.");
  }
  return report;
}

}  // namespace acb::reports
