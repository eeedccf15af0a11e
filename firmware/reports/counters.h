// Prove that no counter went back or was reused (requirements section 3, item 7; R-NOW-7).
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "firmware/reports/report.h"

namespace acb::reports {

// A row for every event that has to do with counters: gaps with their cause, refusals for a
// counter's sake, counters given out for other commands, raises, imports, recoveries, starts after
// which the counters go on above what may have been lost, and a counter that is not above the one
// before it, of which there must be none. Totals: cells touched, commands signed, the highest
// counter, each kind of event.
class CounterIntegrity final : public LogReport {
 public:
  CounterIntegrity(std::uint64_t first, const Listing& listing)
      : first_(first), listing_(listing) {}

  bool Wants(const EntryHead& head, Where where) const override;
  void Take(const LogEntry& entry, Where where) override;
  Report Finish() override;

 private:
  // What a row says of its entry.
  struct Place {
    std::uint64_t index = 0;
    UtcTime time{0};
    std::string device;
    std::string role;
  };
  // Counters that were passed over when `to` + 1 was given out elsewhere: the handover that waited
  // for its answer then may still have one of them.
  struct Open {
    std::uint64_t from = 0;
    std::uint64_t to = 0;
    std::optional<Place> place;  // nothing: out of the period, or below the device's first counter
    std::string cause;
  };
  struct OfDevice {
    std::uint64_t last = 0;
    std::uint64_t last_entry = 0;  // that named a counter of the device
    std::vector<Open> open;        // rising; until the next answer
    std::uint64_t raised_by = 0;   // operators' raise since, entry; 0: none
    std::uint64_t observed = 0;    // greatest counter or floor observed since
  };

  void TakeGivenOut(const LogEntry& entry);
  void Follow(const LogEntry& entry, Where where);
  void FollowElsewhere(OfDevice& device, std::uint64_t counter, const LogEntry& entry, Where where);
  void FollowAnswer(OfDevice& device, std::uint64_t counter, const LogEntry& entry, Where where);
  void TakeStart(const LogEntry& entry, Where where);
  void TakeAct(const LogEntry& entry);
  std::string CauseOf(const LogEntry& entry, const OfDevice& device, std::uint64_t counter) const;
  void NoteGap(const Place& place, std::uint64_t counter, std::uint64_t missing, std::string cause);
  void NoteOpen(const Open& open, std::optional<std::uint64_t> answered);
  void TakeEvent(const LogEntry& entry);
  void TakeObserved(const LogEntry& entry);
  OfDevice* Track(const LogEntry& entry);
  void AddRow(const LogEntry& entry, std::string_view event, std::string counter,
              std::string missing, std::string cause) {
    AddRow(PlaceOf(entry), event, std::move(counter), std::move(missing), std::move(cause));
  }
  void AddRow(const Place& place, std::string_view event, std::string counter, std::string missing,
              std::string cause);
  static Place PlaceOf(const LogEntry& entry);
  void Total(const std::string& name, std::uint64_t index);
  void AddTotals();

  std::uint64_t first_;
  Listing listing_;
  std::unordered_map<std::string, OfDevice> devices_;
  std::set<std::pair<std::string, std::string>> cells_;  // touched in the period
  std::map<std::string, Count> totals_;
  std::uint64_t highest_ = 0;
  std::uint64_t highest_entry_ = 0;
  std::uint64_t last_raise_ = 0;
  std::uint64_t raise_entry_ = 0;           // of the last start that raised
  std::uint64_t import_entry_ = 0;          // of the last import of counters; 0: none
  std::uint64_t recovery_entry_ = 0;        // of the last recovery; 0: none
  std::optional<std::uint64_t> next_;       // entry that the next page begins with
  std::vector<std::uint64_t> row_entries_;  // of each row, its entry
  bool too_many_ = false;
  Report report_;
};

}  // namespace acb::reports
