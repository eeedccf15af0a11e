// Were thresholds set and did they work? (requirements section 3, item 17; R-NOW-11)
#pragma once

#include <map>
#include <string>

#include "firmware/reports/report.h"

namespace acb::reports {

// A row for each request or floor that was quarantined in the period: why, what two operators
// decided, who, and after how many hours. Totals: by User, and the thresholds of each start.
class VolumeThresholds final : public LogReport {
 public:
  explicit VolumeThresholds(const Listing& listing) : listing_(listing) {}

  bool Wants(const EntryHead& head, Where where) const override;
  void Take(const LogEntry& entry, Where where) override;
  Report Finish() override;

 private:
  struct Item {
    Row row;
    UtcTime since;
    std::string decision;
    std::string operators;
    std::optional<UtcTime> at;
    std::uint64_t entry = 0;  // of the decision
  };
  void TakeQuarantined(const LogEntry& entry);
  void TakeDecision(const LogEntry& entry);

  Listing listing_;
  std::map<std::uint64_t, Item> items_;  // by index
  std::map<std::string, Count> users_;
  std::vector<std::string> thresholds_set_;
  Count all_;
  bool more_thresholds_ = false;
  bool too_many_ = false;
};

}  // namespace acb::reports
