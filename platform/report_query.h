// What a request for a report asks for.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "firmware/base/result.h"
#include "firmware/reports/report.h"
#include "firmware/reports/sample.h"
#include "platform/http_message.h"
#include "platform/report_text.h"

namespace acb::platform {

// Of every report: in the path, and for who asks for one.
inline constexpr std::string_view kReportNames[] = {"network-certificates",
                                                    "post-commissioning",
                                                    "mismatches",
                                                    "deadlocks",
                                                    "reconciliation",
                                                    "orphans",
                                                    "gnp-leaving",
                                                    "wrong-certificates",
                                                    "counters",
                                                    "keys",
                                                    "trust",
                                                    "volume",
                                                    "non-compliance",
                                                    "signing",
                                                    "refusals",
                                                    "observations",
                                                    "feeds",
                                                    "starts",
                                                    "operators",
                                                    "notifications",
                                                    "access",
                                                    "sample",
                                                    "annual-statement"};

struct ReportQuery {
  reports::Period period;
  bool from_beginning = true;  // no `from` was given
  // Where the page begins, as `next` of the page before said: an index or an EUI-64.
  std::optional<std::string> page;
  // One figure's entries, all of them, in place of the report.
  std::optional<std::string> figure;
  reports::Draw draw;  // of report sample alone
  ReportForm form = ReportForm::kJson;

  // The query without page, figure and format: "from=...&to=...".
  std::string Subject() const;
};

// What a report takes beside those of every one.
struct ReportParameters {
  bool pages_by_from = false;
  bool draws = false;
};

// ?from=&to= (instants, or days: the start of that day; `to` is not in the period), ?month=2026-10,
// ?page=, ?figure=, ?format=json|csv|html (without it by Accept). Without `to` up to now.
//
// `takes.pages_by_from`: of the reports whose pages were first named by `from`: one that is no time
// is a page. `takes.draws`: of report sample, which takes ?seed= and may take ?signed= and
// ?refused= too. kMalformed, explained: another parameter, no time, an end before its beginning.
Result<ReportQuery> ReadReportQuery(const HttpRequest& request, UtcTime now,
                                    const ReportParameters& takes);

}  // namespace acb::platform
