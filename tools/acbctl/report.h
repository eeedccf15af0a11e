// The lists that the service makes for auditors.
#pragma once

#include <filesystem>
#include <string>

#include "tools/acbctl/remote.h"

namespace acb::acbctl {

struct ReportOptions {
  std::string name;
  std::string from;             // a day or a time; empty: the log's beginning
  std::string to;               // likewise; empty: now
  std::string month;            // "2026-10", in place of both
  std::string figure;           // the entries behind one figure
  std::string seed;             // of report sample: what it is drawn by
  std::string drawn_signed;     // of it: how many; empty: as the service usually draws
  std::string drawn_refused;    // likewise
  std::string format = "text";  // text, json, csv or html
  std::filesystem::path out;    // empty: standard output
};

// All pages of GET /v1/reports/`name`: as aligned text; as JSON, each page as it is, one a line
// (also with --json); as CSV, one header record and the records of all pages; as HTML, the first
// page, which links to the next. Classification, notices and a further HTML page are said on
// standard error where the format has no place for them. A file has its name only when all of it
// has come: what had the name stays otherwise. Gives an exit code (remote.h).
int ShowReport(const Connection& connection, const ReportOptions& options);

}  // namespace acb::acbctl
