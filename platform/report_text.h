// A report as JSON, CSV or HTML.
#pragma once

#include <string>
#include <vector>

#include "firmware/reports/report.h"
#include "platform/http_message.h"

namespace acb::platform {

// What every report says of itself.
struct ReportHead {
  std::string name;
  std::string environment;
  std::string classification;  // of the Panel Information Policy (R-063-18)
  std::string generated_at;
  std::optional<std::string> from;  // nothing: the log's beginning
  std::string to;
  std::uint64_t log_size = 0;             // entries that it was made of
  std::string log_root;                   // of the tree over them
  std::vector<std::string> rule_sets;     // that decisions of the period name (R-SEC3-65)
  std::vector<std::string> report_rules;  // that the report judges by (R-128-29)
  // "/v1/reports/counters?from=...&to=...", to which a page or a figure is added.
  std::string link;
};

enum class ReportForm { kJson, kCsv, kHtml };

// {"report", "generated_at", "environment", "classification", "period", "log", "rules", "notices",
// "totals", "columns", "rows", "next"}. A row with counts has "evidence": for each of them the
// audit entries behind it, and where the rest of them is.
//
// CSV: RFC 4180, a header record, then one for each row, each with the head's fields behind its
// own. A cell that a spreadsheet would take for a formula has an apostrophe before it. HTML: one
// document without scripts, well-formed XML as well. The classification is a header of every
// answer.
HttpResponse RenderReport(const ReportHead& head, const reports::Report& report, ReportForm form);

// The cell of a CSV record; control characters as \uXXXX.
std::string CsvCell(std::string_view text);
// Text in HTML, in an attribute or outside; control characters are escaped as in CSV.
std::string EscapeHtml(std::string_view text);
// For a query's value: RFC 3986's unreserved characters stay.
std::string PercentEncoded(std::string_view text);

}  // namespace acb::platform
