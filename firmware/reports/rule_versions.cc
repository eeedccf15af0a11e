#include "firmware/reports/rule_versions.h"

namespace acb::reports {
namespace {

constexpr ReportRules kRules[] = {
    {"report-rules 1", "", "SEC as before MP128A", false},
    // MP128A, implemented 29 June 2023 (requirements.md 1.3).
    {"report-rules 2", "2023-06-29", "MP128A, in force since 29 June 2023", true},
};

UtcTime BeginOf(const ReportRules& rules) {
  constexpr UtcTime kAlways(-62'135'596'800'000);  // 0001-01-01
  return UtcTime::FromIsoDate(rules.from).value_or(kAlways);
}

}  // namespace

std::span<const ReportRules> AllReportRules() { return kRules; }

const ReportRules& ReportRulesAt(UtcTime at) {
  const ReportRules* found = &kRules[0];
  for (const ReportRules& rules : kRules) {
    if (BeginOf(rules) <= at) found = &rules;
  }
  return *found;
}

std::vector<const ReportRules*> ReportRulesOf(const Period& period) {
  std::vector<const ReportRules*> found = {&ReportRulesAt(period.from)};
  for (const ReportRules& rules : kRules) {
    if (period.from < BeginOf(rules) && BeginOf(rules) < period.to) found.push_back(&rules);
  }
  return found;
}

}  // namespace acb::reports
