#include "tools/acbctl/report.h"

#include <algorithm>
#include <boost/json.hpp>
#include <iostream>
#include <streambuf>
#include <vector>

#include "platform/report_query.h"
#include "platform/report_text.h"
#include "tools/acbctl/part_file.h"

namespace acb::acbctl {
namespace {

// More is no reading matter: the columns are aligned over all rows, which are held for it.
constexpr std::size_t kMaxTextRows = 100'000;

using Row = std::vector<std::string>;

std::string Plainly(const boost::json::value& value) {
  if (value.is_null()) return "-";
  if (value.is_string()) return Shown(value);
  std::string text;
  if (value.is_array()) {
    for (const boost::json::value& each : value.get_array()) {
      text += (text.empty() ? "" : ",") + Plainly(each);
    }
    return text;
  }
  return boost::json::serialize(value);
}

// A member that is an object has a column for all its members: "dsp" is "owner certificate".
std::string Cell(const boost::json::value& value) {
  if (!value.is_object()) return Plainly(value);
  std::string text;
  for (const auto& [name, member] : value.get_object()) {
    text += (text.empty() ? "" : " ") + Plainly(member);
  }
  return text;
}

void AddRow(const boost::json::object& object, std::vector<Row>& table) {
  if (table.empty()) {
    Row& header = table.emplace_back();
    for (const auto& [name, value] : object) {
      if (name != "evidence") header.emplace_back(name);
    }
  }
  Row row;
  for (const std::string& name : table.front()) {
    const boost::json::value* value = object.if_contains(name);
    row.push_back(value == nullptr ? "-" : Cell(*value));
  }
  table.push_back(std::move(row));
}

void PrintAligned(const std::vector<Row>& table, std::ostream& out) {
  std::vector<std::size_t> widths(table.empty() ? 0 : table.front().size());
  for (const Row& row : table) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const Row& row : table) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - row[i].size() + 2, ' ');
    }
    out << line << "\n";
  }
}

std::string TargetOf(const ReportOptions& options, const std::string& page) {
  std::string target = "/v1/reports/" + options.name;
  char separator = '?';
  const auto add = [&](std::string_view name, const std::string& value) {
    if (value.empty()) return;
    target += separator + std::string(name) + "=" + platform::PercentEncoded(value);
    separator = '&';
  };
  add("from", options.from);
  add("to", options.to);
  add("month", options.month);
  add("figure", options.figure);
  add("seed", options.seed);
  add("signed", options.drawn_signed);
  add("refused", options.drawn_refused);
  add("page", page);
  add("format", options.format == "text" ? "json" : options.format);
  return target;
}

Result<platform::HttpClientResponse> GetPage(const Connection& connection,
                                             const ReportOptions& options,
                                             const std::string& page) {
  return Send(connection, "auditor", {.method = "GET", .target = TargetOf(options, page)});
}

// Empty at the end.
std::string NextOf(const boost::json::object& page) {
  const boost::json::value* next = page.if_contains("next");
  return next != nullptr && next->is_string() ? std::string(next->get_string()) : "";
}

std::string TextOf(const boost::json::object& page, std::string_view name) {
  const boost::json::value* value = page.if_contains(name);
  return value == nullptr ? "-" : Plainly(*value);
}

// The totals and notices after the one line that says what this is.
void PrintHead(const boost::json::object& page, std::ostream& out) {
  out << "report " << TextOf(page, "report") << ", " << TextOf(page, "environment")
      << ", classification " << TextOf(page, "classification") << ", "
      << TextOf(page, "generated_at") << "\n";
  const boost::json::value* totals = page.if_contains("totals");
  if (totals != nullptr && totals->is_array()) {
    for (const boost::json::value& total : totals->get_array()) {
      if (!total.is_object()) continue;
      std::cerr << TextOf(total.get_object(), "name") << ": " << TextOf(total.get_object(), "value")
                << "\n";
    }
  }
  const boost::json::value* notices = page.if_contains("notices");
  if (notices == nullptr || !notices->is_array()) return;
  for (const boost::json::value& notice : notices->get_array()) {
    std::cerr << Plainly(notice) << "\n";
  }
}

int AsText(const Connection& connection, const ReportOptions& options, std::ostream& out) {
  std::vector<Row> table;
  std::string page_name;
  do {  // ends with the service's pages, each of which begins after the one before
    const auto response = GetPage(connection, options, page_name);
    if (!response) return Complain(connection, response.error());
    if (response->status != 200) return PrintProblem(*response);
    const boost::json::object page = ParseObject(response->body);
    if (page_name.empty()) PrintHead(page, out);
    const boost::json::value* rows = page.if_contains("rows");
    if (rows != nullptr && rows->is_array()) {
      for (const boost::json::value& row : rows->get_array()) {
        if (row.is_object()) AddRow(row.get_object(), table);
      }
    }
    if (table.size() > kMaxTextRows) {
      std::cerr << "acbctl: more than " << kMaxTextRows << " rows: use --json or --format csv\n";
      return kRefused;
    }
    page_name = NextOf(page);
  } while (!page_name.empty());
  PrintAligned(table, out);
  out << (table.empty() ? 0 : table.size() - 1) << " rows\n";
  return kGood;
}

std::string HeaderOf(const platform::HttpClientResponse& response, std::string_view name) {
  return std::string(platform::FindHeader(response.headers, name).value_or(""));
}

int AsTheyCome(const Connection& connection, const ReportOptions& options, std::ostream& out) {
  std::string page;
  do {
    const auto response = GetPage(connection, options, page);
    if (!response) return Complain(connection, response.error());
    if (response->status != 200) {
      return connection.json ? *PrintRaw(connection, *response) : PrintProblem(*response);
    }
    std::string_view body = response->body;
    // One header record for all pages; none of its names has a line end in it.
    if (options.format == "csv" && !page.empty()) body.remove_prefix(body.find('\n') + 1);
    out << body;
    if (options.format == "json" && !body.ends_with('\n')) out << "\n";
    if (page.empty() && options.format != "json") {
      std::cerr << "classification " << HeaderOf(*response, "X-Classification") << "\n";
    }
    page = HeaderOf(*response, "X-Next-Page");
    if (options.format == "html" && !page.empty()) {
      std::cerr << "acbctl: there are more rows than this page has: use --format csv for all\n";
      page.clear();
    }
  } while (!page.empty());
  return kGood;
}

// Writes into a file that is not kept yet. Keeps the first failure.
class PartFileBuffer final : public std::streambuf {
 public:
  explicit PartFileBuffer(PartFile& file) : file_(file) {}
  const Status& written() const { return written_; }

 protected:
  std::streamsize xsputn(const char* octets, std::streamsize size) override {
    if (written_) written_ = file_.Write({octets, static_cast<std::size_t>(size)});
    return written_ ? size : 0;
  }
  int_type overflow(int_type octet) override {
    const char one = traits_type::to_char_type(octet);
    return xsputn(&one, 1) == 1 ? octet : traits_type::eof();
  }

 private:
  PartFile& file_;
  Status written_ = Done{};
};

int Write(const Connection& connection, const ReportOptions& options, std::ostream& out) {
  if (options.format == "text") return AsText(connection, options, out);
  return AsTheyCome(connection, options, out);
}

}  // namespace

int ShowReport(const Connection& connection, const ReportOptions& given) {
  if (std::ranges::find(platform::kReportNames, given.name) == std::end(platform::kReportNames)) {
    return Misused(connection, "there is no report '" + given.name +
                                   "': 'acbctl report --help' names them all");
  }
  ReportOptions options = given;
  if (connection.json) options.format = "json";
  if (options.out.empty()) {
    const int code = Write(connection, options, std::cout);
    if (code != kGood || std::cout.flush()) return code;
    return Complain(connection,
                    Failure(Reason::kConfiguration, "standard output took not all of the report"));
  }
  auto file = PartFile::Open(options.out);
  if (!file) return Complain(connection, file.error());
  PartFileBuffer buffer(*file);
  std::ostream out(&buffer);
  const int code = Write(connection, options, out);
  if (code != kGood) return code;
  Status kept = buffer.written() ? file->Keep(PartFile::Over::kWhatHasTheName) : buffer.written();
  return kept ? kGood : Complain(connection, kept.error());
}

}  // namespace acb::acbctl
