#include "tools/acbctl/report.h"

#include <algorithm>
#include <boost/json.hpp>
#include <iostream>
#include <vector>

namespace acb::acbctl {
namespace {

// More is no reading matter: the columns are aligned over all rows, which are held for it.
constexpr std::size_t kMaxTextRows = 100'000;

using Row = std::vector<std::string>;

std::string Plainly(const boost::json::value& value) {
  if (value.is_null()) return "-";
  if (value.is_string()) return std::string(value.get_string());
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
    for (const auto& [name, value] : object) header.emplace_back(name);
  }
  Row row;
  for (const std::string& name : table.front()) {
    const boost::json::value* value = object.if_contains(name);
    row.push_back(value == nullptr ? "-" : Cell(*value));
  }
  table.push_back(std::move(row));
}

void PrintAligned(const std::vector<Row>& table) {
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
    std::cout << line << "\n";
  }
}

Result<platform::HttpClientResponse> GetPage(const Connection& connection, const std::string& name,
                                             const std::string& from) {
  return Send(
      connection, "auditor",
      {.method = "GET", .target = "/v1/reports/" + name + (from.empty() ? "" : "?from=" + from)});
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

}  // namespace

int ShowReport(const Connection& connection, const std::string& name) {
  const bool plain = std::ranges::all_of(
      name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
  if (name.empty() || !plain) {
    std::cerr << "acbctl: '" << name << "' is not the name of a report\n";
    return kUsage;
  }
  std::vector<Row> table;
  std::string from;
  do {  // ends with the service's pages, each of which begins after the one before
    const auto response = GetPage(connection, name, from);
    if (!response) return Complain(response.error());
    const auto done = PrintRaw(connection, *response);
    if (done && *done != kGood) return *done;
    const boost::json::object page = ParseObject(response->body);
    if (!done && from.empty()) {
      std::cout << "report " << name << ", " << TextOf(page, "environment") << ", classification "
                << TextOf(page, "classification") << ", " << TextOf(page, "generated_at") << "\n";
    }
    const boost::json::value* rows = page.if_contains("rows");
    if (!done && rows != nullptr && rows->is_array()) {
      for (const boost::json::value& row : rows->get_array()) {
        if (row.is_object()) AddRow(row.get_object(), table);
      }
    }
    if (table.size() > kMaxTextRows) {
      std::cerr << "acbctl: more than " << kMaxTextRows << " rows: use --json\n";
      return kRefused;
    }
    from = NextOf(page);
  } while (!from.empty());
  if (connection.json) return kGood;
  PrintAligned(table);
  std::cout << (table.empty() ? 0 : table.size() - 1) << " rows\n";
  return kGood;
}

}  // namespace acb::acbctl
