#include "firmware/reports/counters.h"

#include <algorithm>

#include "firmware/base/reason.h"
#include "firmware/base/request_id.h"

namespace acb::reports {
namespace {

constexpr std::string_view kKinds[] = {
    "signed", "reserved-elsewhere", "abandoned", "refused", "operator", "observed",
    "start",  "quarantined",        "released",  "export"};
constexpr Reason kCounterReasons[] = {Reason::kCounterRegression, Reason::kCounterLimit,
                                      Reason::kCounterExhausted,  Reason::kCounterUnknown,
                                      Reason::kFloorLimit,        Reason::kFloorAbsent,
                                      Reason::kCellUnknown};
constexpr std::string_view kActs[] = {"counter-raise", "counters-import", "recover",
                                      "counters-export"};

constexpr const char* kMustBeNone = "counters that are not above the one before: must be none";

bool IsAboutACounter(std::string_view reason) {
  return std::ranges::any_of(kCounterReasons,
                             [&](Reason each) { return Describe(each).name == reason; });
}

std::string EntryName(std::uint64_t index) { return "entry " + std::to_string(index); }

}  // namespace

bool CounterIntegrity::Wants(const EntryHead& head, Where where) const {
  return where != Where::kAfter && std::ranges::find(kKinds, head.kind) != std::end(kKinds);
}

void CounterIntegrity::Take(const LogEntry& entry, Where where) {
  if (entry.kind() == "signed" || entry.kind() == "reserved-elsewhere") {
    if (where == Where::kWithin) TakeGivenOut(entry);
    return Follow(entry, where);
  }
  if (entry.kind() == "abandoned") {
    Follow(entry, where);
  } else if (entry.kind() == "observed") {
    TakeObserved(entry);
  } else if (entry.kind() == "start") {
    TakeStart(entry, where);
  } else if (entry.Text("act") == "counter-raise" && entry.IsTrue("complete")) {
    if (OfDevice* device = Track(entry)) device->raised_by = entry.index();
  }
  if (where == Where::kWithin) TakeEvent(entry);
}

void CounterIntegrity::TakeStart(const LogEntry& entry, Where where) {
  const std::uint64_t raise = entry.Number("raise").value_or(0);
  if (raise <= last_raise_) return;
  raise_entry_ = entry.index();
  if (where == Where::kWithin) {
    Total("starts after an unclean stop, which raise every counter", entry);
    AddRow(entry, "raise at a start", {}, std::to_string(raise - last_raise_),
           "the stop before was not clean");
  }
  last_raise_ = raise;
}

CounterIntegrity::OfDevice* CounterIntegrity::Track(const LogEntry& entry) {
  std::string device(entry.Text("device"));
  if (device.empty()) return nullptr;
  if (devices_.size() >= kMaxTracked && !devices_.contains(device)) {
    too_many_ = true;
    return nullptr;
  }
  return &devices_[std::move(device)];
}

void CounterIntegrity::TakeObserved(const LogEntry& entry) {
  OfDevice* device = Track(entry);
  if (device == nullptr) return;
  device->observed = std::max(device->observed, entry.Number("last_issued").value_or(0));
  const boost::json::value* cells = entry.Find("cells");
  if (cells == nullptr || !cells->is_array()) return;
  for (const boost::json::value& cell : cells->get_array()) {
    const boost::json::value* floor =
        cell.is_object() ? cell.get_object().if_contains("floor") : nullptr;
    if (floor == nullptr || !floor->is_string()) continue;
    device->observed = std::max(device->observed, ParseDecimal(floor->get_string()).value_or(0));
  }
}

void CounterIntegrity::TakeGivenOut(const LogEntry& entry) {
  const std::uint64_t counter = entry.Number("originator_counter").value_or(0);
  const bool here = entry.kind() == "signed";
  Total(here ? "commands signed" : "counters given out for other commands", entry);
  if (!here) {
    // Its purpose is free text, which no report shows (R-SEC3-69).
    AddRow(entry, "reserved elsewhere", std::to_string(counter), {},
           "for another command of the ACB");
  }
  if (cells_.size() < kMaxTracked) {
    cells_.emplace(entry.Text("device"), entry.Text("role"));
  } else {
    too_many_ = true;
  }
  if (counter <= highest_) return;
  highest_ = counter;
  highest_entry_ = entry.index();
}

void CounterIntegrity::Follow(const LogEntry& entry, Where where) {
  const std::uint64_t counter = entry.Number("originator_counter").value_or(0);
  OfDevice* device = Track(entry);
  if (device == nullptr) return;
  if (device->last != 0) return FollowUp(entry, *device, counter, where);
  *device = OfDevice{.last = counter};
}

void CounterIntegrity::FollowUp(const LogEntry& entry, OfDevice& device, std::uint64_t counter,
                                Where where) {
  const bool within = where == Where::kWithin;
  if (device.open_from != 0 && device.open_from <= counter && counter <= device.open_to) {
    device.open_from = 0;  // it waited for its answer
    return;
  }
  if (counter <= device.last) {
    // Never, or promise P1 is broken.
    if (!within) return;
    Total(kMustBeNone, entry);
    return AddRow(entry, "NOT ABOVE THE ONE BEFORE", std::to_string(counter), {},
                  "the device's last counter was " + std::to_string(device.last));
  }
  if (within && device.open_from != 0) {
    NoteGap(entry, counter, device.open_to - device.open_from + 1,
            "passed over when counter " + std::to_string(device.last) + " was given out elsewhere");
  }
  OfDevice now{.last = counter};
  const std::uint64_t missing = counter - device.last - 1;
  if (missing != 0 && entry.kind() == "reserved-elsewhere") {
    now.open_from = device.last + 1;
    now.open_to = counter - 1;
  } else if (missing != 0 && within) {
    NoteGap(entry, counter, missing, CauseOf(entry, device, counter));
  }
  device = now;
}

std::string CounterIntegrity::CauseOf(const LogEntry& entry, const OfDevice& device,
                                      std::uint64_t counter) const {
  if (entry.Number("recorded_floor").value_or(0) == counter - 1) return "the recorded floor";
  if (device.observed > device.last) return "a counter or floor that was observed";
  if (device.raised_by != 0) return "raised by operators, " + EntryName(device.raised_by);
  if (raise_entry_ != 0) return "raise at a start, " + EntryName(raise_entry_);
  return "a counter that was proposed, or one that the log does not explain";
}

// Counters that no entry of the device names.
void CounterIntegrity::NoteGap(const LogEntry& entry, std::uint64_t counter, std::uint64_t missing,
                               std::string cause) {
  Total("gaps", entry);
  AddRow(entry, "gap", std::to_string(counter), std::to_string(missing), std::move(cause));
}

void CounterIntegrity::TakeEvent(const LogEntry& entry) {
  if (entry.kind() == "abandoned") {
    Total("counters abandoned", entry);
    return AddRow(entry, "abandoned", std::string(entry.Text("originator_counter")), "1",
                  std::string(entry.Text("reason")));
  }
  if (entry.kind() == "refused" && IsAboutACounter(entry.Text("reason"))) {
    const std::string reason(entry.Text("reason"));
    Total("refused: " + reason, entry);
    return AddRow(entry, "refused", {}, {}, reason);
  }
  const bool act = std::ranges::find(kActs, entry.Text("act")) != std::end(kActs);
  if ((entry.kind() == "operator" || entry.kind() == "export") && act) {
    const std::string name(entry.Text("act"));
    Total("operators: " + name, entry);
    return AddRow(entry, name, std::string(entry.Text("to")), {},
                  entry.IsFalse("complete") ? "the first of two operators" : "done");
  }
  if ((entry.kind() == "quarantined" || entry.kind() == "released") &&
      !entry.Text("floor").empty()) {
    Total(entry.kind() == "released" ? "floors released" : "floors held for two operators", entry);
    return AddRow(entry, std::string("floor ") + std::string(entry.kind()),
                  std::string(entry.Text("floor")), {}, {});
  }
}

void CounterIntegrity::Total(const std::string& name, const LogEntry& entry) {
  totals_[name].Add(entry.index(), listing_);
}

void CounterIntegrity::AddRow(const LogEntry& entry, std::string_view event, std::string counter,
                              std::string missing, std::string cause) {
  if (entry.index() < first_ || report_.next) return;
  // A page ends between two entries: one may have several rows.
  if (report_.rows.size() >= kMaxRows && entry.index() != last_row_) {
    report_.next = std::to_string(entry.index());
    return;
  }
  last_row_ = entry.index();
  report_.rows.push_back({{"audit_index", std::to_string(entry.index())},
                          {"time", entry.time().Iso()},
                          {"event", std::string(event)},
                          {"device", TextOrNothing(entry.Text("device"))},
                          {"role", TextOrNothing(entry.Text("role"))},
                          {"counter", TextOrNothing(counter)},
                          {"counters_passed_over", TextOrNothing(missing)},
                          {"cause", TextOrNothing(cause)}});
}

void CounterIntegrity::AddTotals() {
  report_.totals.push_back({"cells touched", std::to_string(cells_.size())});
  report_.totals.push_back(
      {"highest counter given out",
       highest_entry_ == 0 && highest_ == 0
           ? Cell()
           : Cell(std::to_string(highest_) + " (" + EntryName(highest_entry_) + ")")});
  totals_.try_emplace(kMustBeNone);
  for (const auto& [name, count] : totals_) report_.totals.push_back({name, Figure{name, count}});
}

Report CounterIntegrity::Finish() {
  report_.columns = {"audit_index",          "time", "event", "device", "role", "counter",
                     "counters_passed_over", "cause"};
  if (first_ == 0) AddTotals();
  if (too_many_) {
    report_.notices.push_back("More than " + std::to_string(kMaxTracked) +
                              " devices or cells: the order of counters of the others was not "
                              "checked here. acb-verify checks all of an export.");
  }
  return std::move(report_);
}

}  // namespace acb::reports
