// Who held the cells of a device at the end of a past period: the store has the present alone, the
// log has what changed since.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "firmware/records.h"
#include "firmware/reports/report.h"

namespace acb::reports {

// What the log says of devices beside the store: shown every entry, in order.
class CellHistory final : public LogReport {
 public:
  // `listing`: of the attempts.
  explicit CellHistory(const Listing& listing) : listing_(listing) {}

  bool Wants(const EntryHead& head, Where where) const override;
  void Take(const LogEntry& entry, Where where) override;
  Report Finish() override { return {}; }

  // The holder of the role's cells at the end of the period: `now` is what the store has. What a
  // devices feed said after the period is not in the log and cannot be taken back: `notices` says
  // so.
  CellState HolderAtEnd(Eui64 device, RemotePartyRole role, const CellState& now) const;
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

  Listing listing_;
  std::map<Key, std::string> before_;  // what the first change after the period found
  std::map<Key, Change> changes_;
  std::map<std::string, Count> attempts_;
  bool too_many_ = false;
  std::optional<std::uint64_t> devices_feed_;  // the first after the period
};

}  // namespace acb::reports
