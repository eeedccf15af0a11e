#include "firmware/reports/counters.h"

#include <algorithm>
#include <utility>

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

// Ranges that stay open for one device: each takes a proposal or a raise, and those of before the
// handover that waits are of no use.
constexpr std::size_t kMaxOpen = 1'000;

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
  } else if (entry.kind() == "operator" && entry.IsTrue("complete")) {
    TakeAct(entry);
  }
  if (where == Where::kWithin) TakeEvent(entry);
}

// What operators did to counters, as the causes of gaps name it.
void CounterIntegrity::TakeAct(const LogEntry& entry) {
  const std::string_view act = entry.Text("act");
  if (act == "counter-raise") {
    if (OfDevice* device = Track(entry)) device->raised_by = entry.index();
  } else if (act == "counters-import") {  // of all devices of its file, which it does not name
    import_entry_ = entry.index();
  } else if (act == "recover") {
    recovery_entry_ = entry.index();
  }
}

void CounterIntegrity::TakeStart(const LogEntry& entry, Where where) {
  const std::uint64_t raise = entry.Number("raise").value_or(0);
  if (raise <= last_raise_) return;
  raise_entry_ = entry.index();
  if (where == Where::kWithin) {
    Total("starts after an unclean stop, which raise every counter", entry.index());
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
  Total(here ? "commands signed" : "counters given out for other commands", entry.index());
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

// An entry of kind signed or abandoned is written when the command is answered or given up, long
// after its counter was taken: one that was given out elsewhere meanwhile is greater, and stands
// before it. One reservation of a device waits at a time (design.md section 4), so an answer ends
// what was open.
void CounterIntegrity::Follow(const LogEntry& entry, Where where) {
  const std::uint64_t counter = entry.Number("originator_counter").value_or(0);
  OfDevice* device = Track(entry);
  if (device == nullptr) return;
  const bool elsewhere = entry.kind() == "reserved-elsewhere";
  const bool waited = !elsewhere && std::ranges::any_of(device->open, [counter](const Open& each) {
    return each.from <= counter && counter <= each.to;
  });
  if (counter <= device->last && !waited) {
    // Never, or promise P1 is broken.
    if (where != Where::kWithin) return;
    Total(kMustBeNone, entry.index());
    return AddRow(entry, "NOT ABOVE THE ONE BEFORE", std::to_string(counter), {},
                  "the device's last counter was " + std::to_string(device->last));
  }
  if (elsewhere) {
    FollowElsewhere(*device, counter, entry, where);
  } else {
    FollowAnswer(*device, counter, entry, where);
  }
  device->last = std::max(device->last, counter);
  device->last_entry = entry.index();
  device->raised_by = 0;
  device->observed = 0;
}

void CounterIntegrity::FollowElsewhere(OfDevice& device, std::uint64_t counter,
                                       const LogEntry& entry, Where where) {
  if (counter - device.last == 1) return;
  if (device.open.size() >= kMaxOpen) {
    NoteOpen(device.open.front(), {});
    device.open.erase(device.open.begin());
  }
  Open& open = device.open.emplace_back();
  open.from = device.last + 1;
  open.to = counter - 1;
  if (where != Where::kWithin || device.last == 0) return;
  open.place = PlaceOf(entry);
  open.cause = CauseOf(entry, device, counter);
}

void CounterIntegrity::FollowAnswer(OfDevice& device, std::uint64_t counter, const LogEntry& entry,
                                    Where where) {
  for (const Open& each : device.open) NoteOpen(each, counter);
  device.open.clear();
  if (where != Where::kWithin || device.last == 0 || counter <= device.last + 1) return;
  NoteGap(PlaceOf(entry), counter, counter - device.last - 1, CauseOf(entry, device, counter));
}

// But for the counter that was `answered`, when it is one of them.
void CounterIntegrity::NoteOpen(const Open& open, std::optional<std::uint64_t> answered) {
  if (!open.place) return;
  const bool one = answered && open.from <= *answered && *answered <= open.to;
  const std::uint64_t missing = open.to - open.from + (one ? 0 : 1);
  if (missing != 0) NoteGap(*open.place, open.to + 1, missing, open.cause);
}

std::string CounterIntegrity::CauseOf(const LogEntry& entry, const OfDevice& device,
                                      std::uint64_t counter) const {
  if (entry.Number("recorded_floor").value_or(0) == counter - 1) return "the recorded floor";
  if (device.observed > device.last) return "a counter or floor that was observed";
  if (device.raised_by != 0) return "raised by operators, " + EntryName(device.raised_by);
  // These are of every device. What came before the device's last counter is in that one.
  std::string causes;
  for (const auto& [what, index] :
       {std::pair("import of counters, ", import_entry_), std::pair("recovery, ", recovery_entry_),
        std::pair("raise at a start, ", raise_entry_)}) {
    if (index <= device.last_entry) continue;
    causes.append(causes.empty() ? "" : "; ").append(what).append(EntryName(index));
  }
  if (!causes.empty()) return causes;
  if (entry.kind() == "reserved-elsewhere") {
    return "passed over when counter " + std::to_string(counter) + " was given out elsewhere";
  }
  return "a counter that was proposed, or one that the log does not explain";
}

// Counters that no entry of the device names.
void CounterIntegrity::NoteGap(const Place& place, std::uint64_t counter, std::uint64_t missing,
                               std::string cause) {
  Total("gaps", place.index);
  AddRow(place, "gap", std::to_string(counter), std::to_string(missing), std::move(cause));
}

void CounterIntegrity::TakeEvent(const LogEntry& entry) {
  if (entry.kind() == "abandoned") {
    Total("counters abandoned", entry.index());
    return AddRow(entry, "abandoned", std::string(entry.Text("originator_counter")), "1",
                  std::string(entry.Text("reason")));
  }
  if (entry.kind() == "refused" && IsAboutACounter(entry.Text("reason"))) {
    const std::string reason(entry.Text("reason"));
    Total("refused: " + reason, entry.index());
    return AddRow(entry, "refused", {}, {}, reason);
  }
  const bool act = std::ranges::find(kActs, entry.Text("act")) != std::end(kActs);
  if ((entry.kind() == "operator" || entry.kind() == "export") && act) {
    const std::string name(entry.Text("act"));
    Total("operators: " + name, entry.index());
    return AddRow(entry, name, std::string(entry.Text("to")), {},
                  entry.IsFalse("complete") ? "the first of two operators" : "done");
  }
  if ((entry.kind() == "quarantined" || entry.kind() == "released") &&
      !entry.Text("floor").empty()) {
    Total(entry.kind() == "released" ? "floors released" : "floors held for two operators",
          entry.index());
    return AddRow(entry, std::string("floor ") + std::string(entry.kind()),
                  std::string(entry.Text("floor")), {}, {});
  }
}

void CounterIntegrity::Total(const std::string& name, std::uint64_t index) {
  totals_[name].Add(index, listing_);
}

CounterIntegrity::Place CounterIntegrity::PlaceOf(const LogEntry& entry) {
  return {entry.index(), entry.time(), std::string(entry.Text("device")),
          std::string(entry.Text("role"))};
}

// In the order of the entries. A gap may turn out one long after its entry was read.
void CounterIntegrity::AddRow(const Place& place, std::string_view event, std::string counter,
                              std::string missing, std::string cause) {
  if (place.index < first_ || (next_ && place.index >= *next_)) return;
  const auto at = std::ranges::upper_bound(row_entries_, place.index);
  report_.rows.insert(report_.rows.begin() + (at - row_entries_.begin()),
                      {{"audit_index", std::to_string(place.index)},
                       {"time", place.time.Iso()},
                       {"event", std::string(event)},
                       {"device", TextOrNothing(place.device)},
                       {"role", TextOrNothing(place.role)},
                       {"counter", TextOrNothing(counter)},
                       {"counters_passed_over", TextOrNothing(missing)},
                       {"cause", TextOrNothing(cause)}});
  row_entries_.insert(at, place.index);
  if (row_entries_.size() <= kMaxRows) return;
  // A page ends between two entries: one may have several rows.
  const auto last = std::ranges::lower_bound(row_entries_, row_entries_.back());
  if (last == row_entries_.begin()) return;
  next_ = *last;
  report_.rows.resize(static_cast<std::size_t>(last - row_entries_.begin()));
  row_entries_.erase(last, row_entries_.end());
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
  for (auto& [name, device] : devices_) {
    for (Open& open : device.open) {
      open.cause += "; one of them may wait for its answer still";
      NoteOpen(open, {});
    }
    device.open.clear();
  }
  if (next_) report_.next = std::to_string(*next_);
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
