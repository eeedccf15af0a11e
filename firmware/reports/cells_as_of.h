// Who held the cells of a device at a past instant: the store has the present alone, the log has
// what changed since.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "firmware/records.h"
#include "firmware/reports/report.h"

namespace acb::reports {

// What the log says of devices beside the store: shown every entry, in order.
class CellHistory final : public LogReport {
 public:
  // `listing`: of the attempts. Holders are known at any instant from `since` on, at the latest the
  // end of the period.
  CellHistory(const Listing& listing, UtcTime since) : listing_(listing), since_(since) {}

  bool Wants(const EntryHead& head, Where where) const override;
  void Take(const LogEntry& entry, Where where) override;
  Report Finish() override { return {}; }

  // The holder of the role's cells at that instant: `now` is what the store has. What a devices
  // feed said later is not in the log and cannot be taken back: `notices` says so.
  CellState HolderAt(Eui64 device, RemotePartyRole role, const CellState& now, UtcTime at) const;
  // Handovers of the network operator's cells that were asked for up to the end of the period;
  // nullptr: none.
  const Count* Attempts(Eui64 device) const;
  struct Change {
    UtcTime at;
    std::uint64_t index;
  };
  // The last time up to the end of the period that the log saw the cells change hands; nothing:
  // never.
  std::optional<Change> LastChange(Eui64 device, RemotePartyRole role) const;
  std::vector<std::string> notices() const;

 private:
  using Key = std::pair<std::string, std::string>;  // device as the log spells it, role
  void TakeObserved(const LogEntry& entry, Where where);

  struct Before {
    UtcTime until;
    std::string holder;
  };
  Listing listing_;
  UtcTime since_;
  // What each change after since_ found, in order of the log.
  std::map<Key, std::vector<Before>> before_;
  std::size_t kept_ = 0;  // in all of before_
  std::map<Key, Change> changes_;
  std::map<std::string, Count> attempts_;
  bool too_many_ = false;
  std::optional<std::uint64_t> devices_feed_;  // the first after the period
};

}  // namespace acb::reports
