// Prove that no counter went back or was reused (requirements section 3, item 7; R-NOW-7).
#pragma once

#include <map>
#include <set>
#include <string>
#include <unordered_map>

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
  struct OfDevice {
    std::uint64_t last = 0;
    // Counters that were passed over when one was given out elsewhere: a handover that waited for
    // its answer then may still have one of them. 0: none.
    std::uint64_t open_from = 0;
    std::uint64_t open_to = 0;
    std::uint64_t raised_by = 0;  // operators' raise since, entry; 0: none
    std::uint64_t observed = 0;   // greatest counter or floor observed since
  };

  void TakeGivenOut(const LogEntry& entry);
  void Follow(const LogEntry& entry, Where where);
  void FollowUp(const LogEntry& entry, OfDevice& device, std::uint64_t counter, Where where);
  void TakeStart(const LogEntry& entry, Where where);
  std::string CauseOf(const LogEntry& entry, const OfDevice& device, std::uint64_t counter) const;
  void NoteGap(const LogEntry& entry, std::uint64_t counter, std::uint64_t missing,
               std::string cause);
  void TakeEvent(const LogEntry& entry);
  void TakeObserved(const LogEntry& entry);
  OfDevice* Track(const LogEntry& entry);
  void AddRow(const LogEntry& entry, std::string_view event, std::string counter,
              std::string missing, std::string cause);
  void Total(const std::string& name, const LogEntry& entry);
  void AddTotals();

  std::uint64_t first_;
  Listing listing_;
  std::unordered_map<std::string, OfDevice> devices_;
  std::set<std::pair<std::string, std::string>> cells_;  // touched in the period
  std::map<std::string, Count> totals_;
  std::uint64_t highest_ = 0;
  std::uint64_t highest_entry_ = 0;
  std::uint64_t last_raise_ = 0;
  std::uint64_t raise_entry_ = 0;  // of the last start that raised
  std::uint64_t last_row_ = 0;     // entry of the last row
  bool too_many_ = false;
  Report report_;
};

}  // namespace acb::reports
