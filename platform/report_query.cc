#include "platform/report_query.h"

#include <algorithm>
#include <array>

#include "platform/media_type.h"

namespace acb::platform {
namespace {

constexpr std::string_view kParameters[] = {"from", "to", "month", "page", "figure", "format"};
constexpr std::string_view kForms[] = {"application/json", "text/csv", "text/html"};
// The log's times begin here.
constexpr UtcTime kBeginning(0);

Failure Malformed(std::string what) { return Failure(Reason::kMalformed, std::move(what)); }

std::optional<UtcTime> TimeOf(std::string_view text) {
  const auto time = UtcTime::FromIso(text);
  return time ? time : UtcTime::FromIsoDate(text);
}

// "2026-10": its first instant, and that of the month after it.
std::optional<reports::Period> MonthOf(std::string_view text) {
  const auto from = UtcTime::FromIsoDate(std::string(text) + "-01");
  if (!from || text.size() != 7) return {};
  constexpr std::int64_t kLongerThanAMonth = std::int64_t{32} * 24 * 3600;
  const std::string next = from->PlusSeconds(kLongerThanAMonth).Iso().substr(0, 7) + "-01";
  const auto to = UtcTime::FromIsoDate(next);
  if (!to) return {};
  return reports::Period{*from, *to};
}

Result<ReportForm> FormOf(const HttpRequest& request) {
  std::string_view wanted;
  if (const auto format = request.QueryParameter("format")) {
    if (*format == "json") return ReportForm::kJson;
    if (*format == "csv") return ReportForm::kCsv;
    if (*format == "html") return ReportForm::kHtml;
    return Malformed("'format' is json, csv or html");
  }
  wanted = ChooseMediaType(ListHeader(request.headers, "Accept"), kForms);
  if (wanted == kForms[1]) return ReportForm::kCsv;
  if (wanted == kForms[2]) return ReportForm::kHtml;
  return ReportForm::kJson;
}

Status ReadPeriod(const HttpRequest& request, bool pages_by_from, ReportQuery& query) {
  const auto from = request.QueryParameter("from");
  const auto to = request.QueryParameter("to");
  if (const auto month = request.QueryParameter("month")) {
    const auto period = MonthOf(*month);
    if (!period || from || to) {
      return Malformed("'month' is a month as 2026-10, without 'from' and 'to'");
    }
    query.period = *period;
    query.from_beginning = false;
    return Done{};
  }
  if (from) {
    if (const auto time = TimeOf(*from)) {
      query.period.from = *time;
      query.from_beginning = false;
    } else if (pages_by_from && !from->empty() && !query.page) {
      query.page = *from;
    } else {
      return Malformed("'from' is a day as 2026-10-01 or a time as 2026-10-01T12:00:00Z");
    }
  }
  if (to) {
    const auto time = TimeOf(*to);
    if (!time) return Malformed("'to' is a day as 2026-10-01 or a time as 2026-10-01T12:00:00Z");
    query.period.to = *time;
  }
  if (query.period.to <= query.period.from) {
    return Malformed("the period ends before it begins: 'to' is not in it");
  }
  return Done{};
}

}  // namespace

std::string ReportQuery::PeriodText() const {
  std::string text;
  if (!from_beginning) text = "from=" + PercentEncoded(period.from.Iso()) + "&";
  return text + "to=" + PercentEncoded(period.to.Iso());
}

Result<ReportQuery> ReadReportQuery(const HttpRequest& request, UtcTime now, bool pages_by_from) {
  for (const auto& [name, value] : request.query_parameters) {
    if (std::ranges::find(kParameters, name) == std::end(kParameters)) {
      return Malformed("a report takes from, to, month, page, figure and format");
    }
  }
  ReportQuery query;
  // What was recorded in this very millisecond is in it.
  query.period = {kBeginning, UtcTime(now.milliseconds() + 1)};
  if (const auto page = request.QueryParameter("page")) query.page = *page;
  if (const auto figure = request.QueryParameter("figure")) query.figure = *figure;
  if (Status read = ReadPeriod(request, pages_by_from, query); !read) {
    return std::move(read).error();
  }
  const auto form = FormOf(request);
  if (!form) return form.error();
  query.form = *form;
  return query;
}

}  // namespace acb::platform
