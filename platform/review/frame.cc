#include "platform/review/frame.h"

#include "firmware/base/reason.h"
#include "platform/review/assets.h"

namespace acb::review {
namespace {

// Everything of the page comes from this server, and no page of another may frame it, post to it or
// be told of it.
constexpr std::string_view kContentSecurityPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

void AddHead(Html& html, const Frame& frame) {
  html.Raw(
      "<!DOCTYPE html>\n<html lang=\"en-GB\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n<title>");
  html.Text(frame.title).Raw(" - ACB handover signing</title>\n");
  html.Raw("<link rel=\"icon\" href=\"data:,\">\n");
  if (frame.charts) {
    html.Raw("<link rel=\"stylesheet\" href=\"").Text(PathOf("uPlot.min.css")).Raw("\">\n");
  }
  html.Raw("<link rel=\"stylesheet\" href=\"").Text(PathOf("review.css")).Raw("\">\n");
  if (frame.charts) {
    for (const std::string_view script : {"uPlot.iife.min.js", "review.js"}) {
      html.Raw("<script defer src=\"").Text(PathOf(script)).Raw("\"></script>\n");
    }
  }
  html.Raw("</head>\n");
}

void AddNavigation(Html& html, bool home) {
  html.Raw("<nav aria-label=\"Review\"><ul>\n");
  if (home) {
    html.Raw(
        "<li><a href=\"#search\">Search</a></li>\n<li><a href=\"#today\">Today</a></li>\n"
        "<li><a href=\"#month\">Month</a></li>\n<li><a href=\"#refusals\">Refusals</a></li>\n"
        "<li><a href=\"#stuck\">Stuck devices</a></li>\n<li><a href=\"#log\">Log</a></li>\n"
        "<li><a href=\"#reports\">Reports</a></li>\n<li><a href=\"#export\">Export</a></li>\n");
  } else {
    html.Raw("<li><a href=\"/\">The review page</a></li>\n");
  }
  html.Raw("</ul></nav>\n");
}

}  // namespace

platform::HttpResponse Page(const Frame& frame, const Html& main) {
  Html html;
  AddHead(html, frame);
  html.Raw("<body>\n<a class=\"skip\" href=\"#main\">Skip to the content</a>\n<header>\n");
  html.Raw("<p class=\"product\">ACB handover signing");
  if (!frame.environment.empty()) {
    html.Raw(" <span class=\"environment\">environment: ").Text(frame.environment).Raw("</span>");
  }
  html.Raw("</p>\n");
  AddNavigation(html, frame.home);
  html.Raw("</header>\n<main id=\"main\" tabindex=\"-1\">\n").Add(main).Raw("</main>\n");
  html.Raw("<footer><p>Made ").Text(Readable(frame.at));
  html.Raw(
      ". All times are UTC. Parties are named: Panel classification RED. What is shown is read "
      "from "
      "the log; nothing can be changed here.</p></footer>\n</body>\n</html>\n");

  platform::HttpResponse response;
  response.content_type = "text/html; charset=utf-8";
  response.body = html.text();
  response.headers = {{"Content-Security-Policy", std::string(kContentSecurityPolicy)},
                      {"Referrer-Policy", "no-referrer"},
                      {"Cross-Origin-Opener-Policy", "same-origin"},
                      {"Cross-Origin-Resource-Policy", "same-origin"},
                      {"X-Frame-Options", "DENY"}};
  return response;
}

std::string DateOf(UtcTime at) { return at.Iso().substr(0, std::size("2026-11-21") - 1); }

std::string Readable(UtcTime at) {
  const std::string iso = at.Iso();
  return iso.substr(0, 10) + " " + iso.substr(11, 8) + " UTC";
}

void AddFailure(Html& html, const Failure& failure) {
  const ReasonInfo& info = Describe(failure.reason);
  html.Raw("<p class=\"failure\"><strong>").Text(info.name).Raw("</strong>: ").Text(info.sentence);
  if (!failure.explanation.empty()) html.Raw(" <span>").Text(failure.explanation).Raw("</span>");
  html.Raw("</p>\n");
}

}  // namespace acb::review
