#include "platform/review/page.h"

#include "platform/review/charts.h"
#include "platform/review/frame.h"

namespace acb::review {
namespace {

Frame FrameOf(const BoxState& box, std::string title) {
  Frame frame;
  frame.title = std::move(title);
  frame.environment = box.environment;
  frame.at = box.at;
  return frame;
}

void AddMonthLinks(Html& html, Month month, UtcTime now) {
  const std::string before = month.Plus(-1).Text();
  html.Raw("<p class=\"turn\"><a href=\"/?month=").Text(before).Raw("#month\">").Text(before);
  html.Raw("</a>");
  if (month < Month::Of(now)) {
    const std::string after = month.Plus(1).Text();
    html.Raw(" <a href=\"/?month=").Text(after).Raw("#month\">").Text(after).Raw("</a>");
    html.Raw(" <a href=\"/#month\">This month</a>");
  }
  html.Raw("</p>\n");
}

void AddCharts(Html& html, const ReviewPage& page) {
  const Figures& figures = page.figures.figures;
  const std::string month = figures.month.Text();
  html.Raw("<section aria-labelledby=\"today\">\n<h2 id=\"today\">Today, ");
  html.Text(DateOf(page.box.at)).Raw("</h2>\n");
  AddTotals(html, figures.today);
  AddChart(html, "Handovers of " + DateOf(page.box.at) + " by hour", BarUnit::kHour, figures.today);
  html.Raw("</section>\n<section aria-labelledby=\"month\">\n<h2 id=\"month\">Month ");
  html.Text(month).Raw("</h2>\n");
  AddMonthLinks(html, figures.month, page.box.at);
  AddTotals(html, figures.days);
  AddChart(html, "Handovers of " + month + " by day", BarUnit::kDay, figures.days);
  AddChart(html, "Handovers of twelve months", BarUnit::kMonth, figures.months);
  html.Raw("</section>\n");
}

}  // namespace

platform::HttpResponse RenderReview(const ReviewPage& page) {
  Html main;
  main.Raw("<h1>Review</h1>\n");
  AddState(main, page.box, &page.waiting);
  AddSearchForm(main, "");
  AddCounted(main, page.figures, page.log);
  AddCharts(main, page);
  AddRefusals(main, page.figures.figures);
  AddStuck(main, page.figures.figures, page.waiting);
  AddLog(main, page.log);
  AddReports(main, page.figures.figures.month);
  const Month month = page.figures.figures.month;
  AddExportForm(main, {DateOf(month.begin()), DateOf(month.end()), false});
  Frame frame = FrameOf(page.box, "Review");
  frame.charts = true;
  frame.home = true;
  return Page(frame, main);
}

platform::HttpResponse RenderClosed(const BoxState& box) {
  Html main;
  main.Raw("<h1>Review</h1>\n");
  AddState(main, box, nullptr);
  main.Raw(
      "<section aria-labelledby=\"now\">\n<h2 id=\"now\">What can be done</h2>\n"
      "<p>The service runs, the box behind it did not open: there are no figures, no search, no "
      "reports and no export until the cause is mended and the service is started again. Nothing "
      "is signed meanwhile.</p>\n<ul>\n"
      "<li><a href=\"/readyz\">Readiness, for programs</a></li>\n"
      "<li><a href=\"/v1/reasons\">Every reason and its meaning</a></li>\n"
      "<li><a href=\"/v1/rules\">Every rule and its source</a></li>\n</ul>\n</section>\n");
  return Page(FrameOf(box, "Review"), main);
}

}  // namespace acb::review
