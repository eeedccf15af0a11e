// Can the period be certified? (R-SEC3-62; requirements section 3, item 20)
#pragma once

#include <map>
#include <string>

#include "firmware/reports/non_compliance.h"
#include "firmware/reports/report.h"

namespace acb::reports {

// A row for each control, which is a rule of the rule set: where it comes from and the requests
// that it stopped. Every command that was signed passed all of them. Then a row for each exception,
// which is a time of report non-compliance. The total "statement" says whether the period can be
// certified: never with an exception that had not ended by the end of the period, or with times
// that are not all shown.
class AnnualStatement final : public LogReport {
 public:
  AnnualStatement(const Period& period, const Listing& listing)
      : period_(period), listing_(listing), exceptions_(period, listing) {}

  void Glance(std::uint64_t index, const EntryHead& head) override;
  bool Wants(const EntryHead& head, Where where) const override;
  void Take(const LogEntry& entry, Where where) override;
  Report Finish() override;

 private:
  Period period_;
  Listing listing_;
  NonCompliance exceptions_;
  std::map<std::string, Count, std::less<>> refused_;  // by name of the rule
  Count signed_;
  Count all_refused_;
};

}  // namespace acb::reports
