#include "firmware/reports/volume.h"

namespace acb::reports {
namespace {

constexpr std::int64_t kMinuteMilliseconds = 60'000;

// "2.5" for two hours and a half.
std::string Hours(std::int64_t milliseconds) {
  const std::int64_t tenths = milliseconds / (6 * kMinuteMilliseconds);
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10);
}

std::string Joined(const std::vector<std::string>& texts) {
  std::string text;
  for (const std::string& each : texts) text += (text.empty() ? "" : ", ") + each;
  return text;
}

}  // namespace

bool VolumeThresholds::Wants(const EntryHead& head, Where where) const {
  if (head.kind == "start") return where != Where::kAfter;
  if (head.kind == "quarantined") return where == Where::kWithin;
  return where != Where::kBefore && (head.kind == "released" || head.kind == "operator");
}

void VolumeThresholds::Take(const LogEntry& entry, Where where) {
  if (entry.kind() == "quarantined") return TakeQuarantined(entry);
  if (entry.kind() != "start") return TakeDecision(entry);
  const boost::json::value* policy = entry.Find("policy");
  const boost::json::value* volume = policy != nullptr && policy->is_object()
                                         ? policy->get_object().if_contains("volume")
                                         : nullptr;
  std::string set = volume == nullptr ? "not recorded" : Plainly(*volume);
  set += " (entry " + std::to_string(entry.index()) + ", " + entry.time().Iso() + ")";
  // In force at the beginning are those of the last start before it.
  if (where == Where::kBefore) thresholds_set_.clear();
  if (thresholds_set_.size() < kListedEntries) {
    thresholds_set_.push_back(std::move(set));
  } else {
    more_thresholds_ = true;
  }
}

void VolumeThresholds::TakeQuarantined(const LogEntry& entry) {
  all_.Add(entry.index(), listing_);
  if (items_.size() >= kMaxRows) {
    too_many_ = true;
    return;
  }
  std::string user(entry.Text("user"));
  users_[user.empty() ? "no User: a floor" : user].Add(entry.index(), listing_);
  std::string_view reason = entry.Text("reason");
  if (reason.empty()) reason = "a floor that jumps too far";
  Row row = {{"audit_index", std::to_string(entry.index())},
             {"time", entry.time().Iso()},
             {"reason", std::string(reason)},
             {"user", TextOrNothing(user)},
             {"party", TextOrNothing(entry.Text("party"))},
             {"request_id", TextOrNothing(entry.Text("request_id"))},
             {"device", TextOrNothing(entry.Text("device"))},
             {"role", TextOrNothing(entry.Text("role"))},
             {"floor", TextOrNothing(entry.Text("floor"))}};
  items_.emplace(entry.index(), Item{std::move(row), entry.time(), {}, {}, {}, 0});
}

void VolumeThresholds::TakeDecision(const LogEntry& entry) {
  const auto number = entry.Number("quarantine");
  if (!number || !entry.IsTrue("complete")) return;
  const auto item = items_.find(*number);
  if (item == items_.end()) return;
  item->second.decision = entry.kind() == "released" ? "released" : "deleted";
  item->second.operators = Joined(entry.Texts("operators"));
  item->second.at = entry.time();
  item->second.entry = entry.index();
}

Report VolumeThresholds::Finish() {
  Report report;
  report.columns = {"audit_index",     "time",          "reason",    "user",
                    "party",           "request_id",    "device",    "role",
                    "floor",           "decision",      "operators", "decided_at",
                    "hours_to_decide", "decision_entry"};
  for (auto& [index, item] : items_) {
    const bool decided = item.at.has_value();
    item.row.emplace_back("decision", decided ? item.decision : "waits");
    item.row.emplace_back("operators", TextOrNothing(item.operators));
    item.row.emplace_back("decided_at", decided ? Cell(item.at->Iso()) : Cell());
    item.row.emplace_back(
        "hours_to_decide",
        decided ? Cell(Hours(item.at->milliseconds() - item.since.milliseconds())) : Cell());
    item.row.emplace_back("decision_entry", decided ? Cell(std::to_string(item.entry)) : Cell());
    report.rows.push_back(std::move(item.row));
  }
  report.totals.push_back({"quarantined", Figure{"all", all_}});
  for (const auto& [user, count] : users_) {
    report.totals.push_back({"of User " + user, Figure{"user/" + user, count}});
  }
  report.totals.push_back({"thresholds in force, and since when", thresholds_set_});
  report.notices.emplace_back(
      "A threshold of 0 is none. Decisions are shown up to the end of the log.");
  if (more_thresholds_) {
    report.notices.push_back("More than " + std::to_string(kListedEntries) +
                             " starts: the thresholds of the others are in report starts.");
  }
  if (too_many_) {
    report.notices.push_back("More than " + std::to_string(kMaxRows) +
                             " were quarantined: the rest is counted in the first total alone. Ask "
                             "for a shorter period.");
  }
  return report;
}

}  // namespace acb::reports
