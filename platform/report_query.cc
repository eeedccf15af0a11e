#include "platform/report_query.h"

#include <algorithm>
#include <array>

#include "firmware/base/request_id.h"
#include "platform/media_type.h"

namespace acb::platform {
namespace {

constexpr std::string_view kParameters[] = {"from", "to", "month", "page", "figure", "format"};
constexpr std::string_view kOfADraw[] = {"seed", "signed", "refused"};
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

bool IsPrintableAscii(std::string_view text) {
  return std::ranges::all_of(text, [](char each) { return each >= ' ' && each <= '~'; });
}

Status ReadDraw(const HttpRequest& request, reports::Draw& draw) {
  const auto seed = request.QueryParameter("seed");
  if (!seed || seed->empty() || seed->size() > reports::kMaxSeedOctets ||
      !IsPrintableAscii(*seed)) {
    return Malformed("'seed' is what you draw by: 1 to " + std::to_string(reports::kMaxSeedOctets) +
                     " printable characters of ASCII");
  }
  draw.seed = *seed;
  for (const auto& [name, size] :
       {std::pair("signed", &draw.signed_commands), std::pair("refused", &draw.refused_requests)}) {
    const auto given = request.QueryParameter(name);
    if (!given) continue;
    const auto number = ParseDecimal(*given);
    if (!number || *number > reports::kMaxDrawn) {
      return Malformed("'" + std::string(name) + "' is how many to draw: 0 to " +
                       std::to_string(reports::kMaxDrawn));
    }
    *size = static_cast<std::size_t>(*number);
  }
  return Done{};
}

}  // namespace

std::string ReportQuery::Subject() const {
  std::string text;
  if (!from_beginning) text = "from=" + PercentEncoded(period.from.Iso()) + "&";
  text += "to=" + PercentEncoded(period.to.Iso());
  if (draw.seed.empty()) return text;
  return text + "&seed=" + PercentEncoded(draw.seed) +
         "&signed=" + std::to_string(draw.signed_commands) +
         "&refused=" + std::to_string(draw.refused_requests);
}

Result<ReportQuery> ReadReportQuery(const HttpRequest& request, UtcTime now,
                                    const ReportParameters& takes) {
  for (const auto& [name, value] : request.query_parameters) {
    if (std::ranges::find(kParameters, name) != std::end(kParameters)) continue;
    if (takes.draws && std::ranges::find(kOfADraw, name) != std::end(kOfADraw)) continue;
    return Malformed(std::string("this report takes from, to, month, page, figure and format") +
                     (takes.draws ? ", seed, signed and refused" : ""));
  }
  ReportQuery query;
  // What was recorded in this very millisecond is in it.
  query.period = {kBeginning, UtcTime(now.milliseconds() + 1)};
  if (const auto page = request.QueryParameter("page")) query.page = *page;
  if (const auto figure = request.QueryParameter("figure")) query.figure = *figure;
  if (Status read = ReadPeriod(request, takes.pages_by_from, query); !read) {
    return std::move(read).error();
  }
  if (takes.draws) {
    if (Status read = ReadDraw(request, query.draw); !read) return std::move(read).error();
  }
  const auto form = FormOf(request);
  if (!form) return form.error();
  query.form = *form;
  return query;
}

}  // namespace acb::platform
