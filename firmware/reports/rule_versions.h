// The rules that the reports judge by, effective-dated: a report on a past period uses those of
// that period (R-128-29).
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "firmware/reports/report.h"

namespace acb::reports {

struct ReportRules {
  std::string_view version;
  std::string_view from;  // first day, "2023-06-29"; empty: always before the next one
  std::string_view source;
  // R-128-22: a GPF with the ACB's certificates is compliant while its gas network party has none.
  bool gpf_may_stay_with_acb;
};

// In order of time; the first has no beginning.
std::span<const ReportRules> AllReportRules();
// In force at that instant.
const ReportRules& ReportRulesAt(UtcTime at);
// All that were in force in the period.
std::vector<const ReportRules*> ReportRulesOf(const Period& period);

}  // namespace acb::reports
