#include "platform/review/charts.h"

#include "platform/review/frame.h"

namespace acb::review {
namespace {

struct Series {
  Html::Literal id;  // class of its colour
  Html::Literal name;
  const char* outcome;  // EntryFilter::outcome
  std::uint64_t Counts::*count;
};
constexpr Series kSeries[] = {
    {"signed", "Signed", "signed", &Counts::handed_over},
    {"refused", "Refused", "refused", &Counts::refused},
    {"quarantined", "Quarantined", "quarantined", &Counts::quarantined},
    {"undecided", "Not decided", "undecided", &Counts::undecided},
};

std::string LabelOf(const Bar& bar, BarUnit unit) {
  const std::string iso = bar.from.Iso();
  switch (unit) {
    case BarUnit::kHour:
      return iso.substr(11, 5);
    case BarUnit::kDay:
      return iso.substr(0, 10);
    case BarUnit::kMonth:
      return iso.substr(0, 7);
  }
  return iso;
}

Html::Literal NameOf(BarUnit unit) {
  switch (unit) {
    case BarUnit::kHour:
      return "Hour from";
    case BarUnit::kDay:
      return "Day";
    case BarUnit::kMonth:
      return "Month";
  }
  return "";
}

void AddCell(Html& html, const Bar& bar, const Series& series) {
  html.Raw("<td>");
  const std::uint64_t count = bar.counts.*series.count;
  if (count == 0) {
    html.Raw("0</td>");
    return;
  }
  EntryFilter filter;
  filter.outcome = series.outcome;
  filter.from = bar.from;
  filter.to = bar.to;
  html.Raw("<a href=\"").Text(EntriesPath(filter, bar.span.first, bar.span.last)).Raw("\">");
  html.Number(count).Raw("</a></td>");
}

// A month leads to its own figures.
void AddLabel(Html& html, const std::string& label, BarUnit unit) {
  if (unit != BarUnit::kMonth) {
    html.Text(label);
    return;
  }
  html.Raw("<a href=\"/?month=").Text(label).Raw("#month\">").Text(label).Raw("</a>");
}

void AddLegend(Html& html) {
  html.Raw("<ul class=\"legend\" aria-hidden=\"true\">");
  for (const Series& series : kSeries) {
    html.Raw("<li><span class=\"swatch ").Raw(series.id).Raw("\"></span>").Raw(series.name);
    html.Raw("</li>");
  }
  html.Raw("</ul>\n");
}

}  // namespace

void AddChart(Html& html, const std::string& title, BarUnit unit, const std::vector<Bar>& bars) {
  html.Raw("<figure class=\"chart\">\n<figcaption>").Text(title).Raw("</figcaption>\n");
  AddLegend(html);
  // Open for who has no scripts; the script that draws the chart closes it.
  html.Raw("<details open><summary>Figures of: ").Text(title).Raw("</summary>\n");
  html.Raw("<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"").Text(title);
  html.Raw(", figures\"><table>\n<thead><tr><th scope=\"col\">").Raw(NameOf(unit)).Raw("</th>");
  for (const Series& series : kSeries) {
    html.Raw("<th scope=\"col\" data-series=\"").Raw(series.id).Raw("\">").Raw(series.name);
    html.Raw("</th>");
  }
  html.Raw("</tr></thead>\n<tbody>\n");
  for (const Bar& bar : bars) {
    html.Raw("<tr><th scope=\"row\">");
    AddLabel(html, LabelOf(bar, unit), unit);
    html.Raw("</th>");
    for (const Series& series : kSeries) AddCell(html, bar, series);
    html.Raw("</tr>\n");
  }
  html.Raw("</tbody></table></div></details>\n</figure>\n");
}

void AddTotals(Html& html, const std::vector<Bar>& bars) {
  Counts sum;
  for (const Bar& bar : bars) sum += bar.counts;
  html.Raw("<dl class=\"totals\">");
  for (const Series& series : kSeries) {
    html.Raw("<div class=\"").Raw(series.id).Raw("\"><dt>").Raw(series.name).Raw("</dt><dd>");
    html.Number(sum.*series.count).Raw("</dd></div>");
  }
  html.Raw("</dl>\n");
}

std::string EntriesPath(const EntryFilter& filter, std::uint64_t first, std::uint64_t last) {
  std::string path =
      "/review/entries?first=" + std::to_string(first) + "&last=" + std::to_string(last);
  const auto add = [&path](std::string_view name, std::string_view value) {
    path.append("&").append(name).append("=").append(PercentEncoded(value));
  };
  if (!filter.outcome.empty()) add("outcome", filter.outcome);
  if (filter.party) add("party", *filter.party);
  if (!filter.reason.empty()) add("reason", filter.reason);
  if (filter.from) add("from", filter.from->Iso());
  if (filter.to) add("to", filter.to->Iso());
  return path;
}

}  // namespace acb::review
