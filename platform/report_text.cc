#include "platform/report_text.h"

#include <algorithm>
#include <boost/json.hpp>

#include "firmware/base/base64.h"
#include "firmware/base/sha256.h"
#include "firmware/base/utf8.h"

namespace acb::platform {
namespace {

using reports::Cell;
using reports::Figure;
using reports::Members;
using reports::Report;
using reports::Row;

constexpr std::string_view kStyle =
    "body{font-family:sans-serif;margin:1rem;color:#111;background:#fff}"
    "table{border-collapse:collapse}th,td{border:1px solid #767676;padding:.2rem .5rem;"
    "text-align:left;vertical-align:top}th{background:#eee}"
    ".mark{font-weight:bold;border:2px solid #a00;color:#a00;padding:.2rem .6rem;"
    "display:inline-block}";

std::string FigureLink(const ReportHead& head, const Figure& figure) {
  return head.link + "&figure=" + PercentEncoded(figure.id);
}

bool HasMore(const Figure& figure) { return figure.count.number() > figure.count.entries().size(); }

boost::json::array EntriesJson(const Figure& figure) {
  boost::json::array entries;
  for (const std::uint64_t index : figure.count.entries()) {
    entries.emplace_back(std::to_string(index));
  }
  return entries;
}

boost::json::object EvidenceJson(const ReportHead& head, const Figure& figure) {
  boost::json::object evidence{{"entries", EntriesJson(figure)}, {"more", nullptr}};
  if (HasMore(figure)) evidence["more"] = FigureLink(head, figure);
  return evidence;
}

boost::json::value CellJson(const Cell& cell) {
  if (std::holds_alternative<std::monostate>(cell)) return nullptr;
  if (const auto* truth = std::get_if<bool>(&cell)) return *truth;
  if (const auto* texts = std::get_if<std::vector<std::string>>(&cell)) {
    return boost::json::array(texts->begin(), texts->end());
  }
  if (const auto* members = std::get_if<Members>(&cell)) {
    boost::json::object object;
    for (const auto& [name, text] : *members) object[name] = text;
    return object;
  }
  return boost::json::value(reports::PlainText(cell));
}

boost::json::object RowJson(const ReportHead& head, const Row& row) {
  boost::json::object json, evidence;
  for (const auto& [name, cell] : row) {
    json[name] = CellJson(cell);
    if (const auto* figure = std::get_if<Figure>(&cell))
      evidence[name] = EvidenceJson(head, *figure);
  }
  if (!evidence.empty()) json["evidence"] = std::move(evidence);
  return json;
}

boost::json::array TextsJson(const std::vector<std::string>& texts) {
  return boost::json::array(texts.begin(), texts.end());
}

HttpResponse Json(const ReportHead& head, const Report& report) {
  boost::json::array rows, totals;
  for (const Row& row : report.rows) rows.push_back(RowJson(head, row));
  for (const reports::Total& total : report.totals) {
    boost::json::object json{{"name", total.name}, {"value", CellJson(total.value)}};
    if (const auto* figure = std::get_if<Figure>(&total.value)) {
      json["evidence"] = EvidenceJson(head, *figure);
    }
    totals.push_back(std::move(json));
  }
  boost::json::value from = nullptr, next = nullptr;
  if (head.from) from = *head.from;
  if (report.next) next = *report.next;
  return JsonResponse(boost::json::object{
      {"report", head.name},
      {"generated_at", head.generated_at},
      {"environment", head.environment},
      {"classification", head.classification},
      {"period", {{"from", std::move(from)}, {"to", head.to}}},
      {"log", {{"size", std::to_string(head.log_size)}, {"root", head.log_root}}},
      {"rules",
       {{"rule_sets", TextsJson(head.rule_sets)}, {"report_rules", TextsJson(head.report_rules)}}},
      {"notices", TextsJson(report.notices)},
      {"totals", std::move(totals)},
      {"columns", boost::json::array(report.columns.begin(), report.columns.end())},
      {"rows", std::move(rows)},
      {"next", std::move(next)}});
}

std::string Joined(const std::vector<std::string>& texts, std::string_view separator) {
  std::string joined;
  for (const std::string& text : texts) {
    if (!joined.empty()) joined += separator;
    joined += text;
  }
  return joined;
}

// R-063-12, in one cell: "count: 12 14 19; repeated: 14".
std::string EvidenceText(const ReportHead& head, const Row& row) {
  std::string text;
  for (const auto& [name, cell] : row) {
    const auto* figure = std::get_if<Figure>(&cell);
    if (figure == nullptr || figure->count.number() == 0) continue;
    text += (text.empty() ? "" : "; ") + std::string(name) + ":";
    for (const std::uint64_t index : figure->count.entries()) text += " " + std::to_string(index);
    if (HasMore(*figure)) text += " and more: " + FigureLink(head, *figure);
  }
  return text;
}

const Cell& CellOf(const Row& row, std::string_view column) {
  static const Cell kNone;
  const auto found = std::ranges::find(row, column, &Row::value_type::first);
  return found == row.end() ? kNone : found->second;
}

std::string CsvRecord(const std::vector<std::string>& cells) {
  std::string record;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i != 0) record += ',';
    record += CsvCell(cells[i]);
  }
  return record + "\r\n";
}

HttpResponse Csv(const ReportHead& head, const Report& report) {
  std::vector<std::string> names(report.columns.begin(), report.columns.end());
  for (const char* name :
       {"entries", "report", "classification", "environment", "period_from", "period_to",
        "generated_at", "log_size", "log_root", "rule_sets", "report_rules", "notices"}) {
    names.emplace_back(name);
  }
  HttpResponse response;
  response.content_type = "text/csv; charset=utf-8; header=present";
  response.body = CsvRecord(names);
  for (const Row& row : report.rows) {
    std::vector<std::string> cells;
    for (const std::string_view column : report.columns) {
      cells.push_back(reports::PlainText(CellOf(row, column)));
    }
    for (std::string text :
         {EvidenceText(head, row), head.name, head.classification, head.environment,
          head.from.value_or(""), head.to, head.generated_at, std::to_string(head.log_size),
          head.log_root, Joined(head.rule_sets, " "), Joined(head.report_rules, "; "),
          Joined(report.notices, " ")}) {
      cells.push_back(std::move(text));
    }
    response.body += CsvRecord(cells);
  }
  return response;
}

std::string CellHtml(const ReportHead& head, std::string_view column, const Cell& cell) {
  std::string text = EscapeHtml(reports::PlainText(cell));
  // R-063-12: the entry itself.
  if (column == "audit_index" && !text.empty()) {
    return "<a href=\"/review/entry/" + text + "\">" + text + "</a>";
  }
  const auto* figure = std::get_if<Figure>(&cell);
  if (figure == nullptr || figure->count.number() == 0) return text;
  return "<a href=\"" + EscapeHtml(FigureLink(head, *figure) + "&format=html") + "\">" + text +
         "</a>";
}

std::string HeadHtml(const ReportHead& head, const Report& report) {
  std::string html = "<h1>Report " + EscapeHtml(head.name) + "</h1>\n<p class=\"mark\">" +
                     EscapeHtml(head.classification) + "</p>\n<dl>";
  const auto add = [&html](std::string_view name, std::string_view text) {
    html += "<dt>" + EscapeHtml(name) + "</dt><dd>" + EscapeHtml(text) + "</dd>";
  };
  add("Period", head.from.value_or("the beginning of the log") + " up to " + head.to);
  add("Made", head.generated_at);
  add("Environment", head.environment);
  add("Log", std::to_string(head.log_size) + " entries, root " + head.log_root);
  add("Rule sets of the decisions", Joined(head.rule_sets, ", "));
  add("Rules of the report", Joined(head.report_rules, "; "));
  for (const reports::Total& total : report.totals) {
    html +=
        "<dt>" + EscapeHtml(total.name) + "</dt><dd>" + CellHtml(head, {}, total.value) + "</dd>";
  }
  html += "</dl>\n";
  for (const std::string& notice : report.notices) html += "<p>" + EscapeHtml(notice) + "</p>\n";
  return html;
}

HttpResponse Html(const ReportHead& head, const Report& report) {
  const std::string title = "Report " + head.name + ", " + head.classification;
  std::string html = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/><title>" +
                     EscapeHtml(title) + "</title><style>" + std::string(kStyle) +
                     "</style></head><body><main>\n" + HeadHtml(head, report);
  html += "<table><caption>" + EscapeHtml(head.name) + ": " + std::to_string(report.rows.size()) +
          " rows</caption><thead><tr>";
  for (const std::string_view column : report.columns) {
    html += "<th scope=\"col\">" + EscapeHtml(column) + "</th>";
  }
  html += "</tr></thead><tbody>\n";
  for (const Row& row : report.rows) {
    html += "<tr>";
    for (const std::string_view column : report.columns) {
      html += "<td>" + CellHtml(head, column, CellOf(row, column)) + "</td>";
    }
    html += "</tr>\n";
  }
  html += "</tbody></table>\n";
  if (report.next) {
    html += "<p><a rel=\"next\" href=\"" +
            EscapeHtml(head.link + "&page=" + PercentEncoded(*report.next) + "&format=html") +
            "\">Next page</a></p>\n";
  }
  html += "</main></body></html>\n";
  HttpResponse response;
  response.content_type = "text/html; charset=utf-8";
  response.body = std::move(html);
  response.headers.push_back({"Content-Security-Policy",
                              "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; "
                              "form-action 'none'; style-src 'sha256-" +
                                  ToBase64(Sha256(AsBytes(kStyle))) + "'"});
  return response;
}

bool IsNumber(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// An apostrophe before what a spreadsheet would take for a formula: at the beginning, with spaces
// before it or not, and behind what separates columns where the comma is that of decimals.
std::string WithoutFormula(std::string_view text) {
  constexpr std::string_view kFormula = "=+-@\t\r\n", kSeparators = ";\t\r\n|", kAround = " \"";
  std::string cell;
  bool begins = true;
  for (const char c : text) {
    if (begins && kFormula.find(c) != std::string_view::npos) {
      cell += '\'';
      begins = false;
    }
    cell += c;
    if (kSeparators.find(c) != std::string_view::npos) {
      begins = true;
    } else if (kAround.find(c) == std::string_view::npos) {
      begins = false;
    }
  }
  return cell;
}

}  // namespace

std::string CsvCell(std::string_view text) {
  const std::string cell = IsNumber(text) ? std::string(text) : WithoutFormula(EscapeControl(text));
  if (cell.find_first_of(",;\"\r\n\t") == std::string::npos) return cell;
  std::string quoted = "\"";
  for (const char c : cell) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + '"';
}

std::string EscapeHtml(std::string_view text) {
  std::string escaped;
  for (const char c : EscapeControl(text)) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string PercentEncoded(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      encoded += c;
    } else {
      encoded += '%';
      encoded += kHex[octet >> 4U];
      encoded += kHex[octet & 15U];
    }
  }
  return encoded;
}

HttpResponse RenderReport(const ReportHead& head, const Report& report, ReportForm form) {
  HttpResponse response;
  switch (form) {
    case ReportForm::kJson:
      response = Json(head, report);
      break;
    case ReportForm::kCsv:
      response = Csv(head, report);
      break;
    case ReportForm::kHtml:
      response = Html(head, report);
      break;
  }
  response.headers.push_back({"X-Classification", head.classification});
  if (report.next) response.headers.push_back({"X-Next-Page", *report.next});
  return response;
}

}  // namespace acb::platform
