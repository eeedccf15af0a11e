// What every page of the review has around it.
#pragma once

#include <string>
#include <string_view>

#include "firmware/base/time.h"
#include "platform/http_message.h"
#include "platform/review/html.h"

namespace acb::review {

struct Frame {
  std::string title;        // of the page: "Review", "Search"
  std::string environment;  // "test", "live"
  UtcTime at{0};            // when it was made
  bool charts = false;      // the page has charts: their script and style come along
  bool home = false;        // the review page itself: its parts are listed in the navigation
};

// 200 with the whole document: `main` is the content of its main landmark, which begins with the
// h1. Nothing from elsewhere, no inline script or style, never kept by the browser.
platform::HttpResponse Page(const Frame& frame, const Html& main);

// "2026-11-21 12:00:00 UTC"
std::string Readable(UtcTime at);
// "2026-11-21"
std::string DateOf(UtcTime at);

// A paragraph that says what could not be read.
void AddFailure(Html& html, const Failure& failure);

}  // namespace acb::review
