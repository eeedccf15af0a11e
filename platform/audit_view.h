// What auditors look at, and that they looked (R-SEC3-59, item 28).
#pragma once

#include <chrono>
#include <memory>
#include <semaphore>
#include <string>
#include <string_view>

#include "platform/box.h"
#include "platform/log.h"
#include "platform/router.h"

namespace acb::platform {

// Places for reports and searches, which read the log for seconds: fifty at once would have the
// processor that handovers need. Thread-safe.
class ReadingPlaces {
 public:
  // Half of the processors, and at least one place.
  ReadingPlaces();
  // For tests. At least one place, at most kMaxPlaces.
  ReadingPlaces(int places, std::chrono::milliseconds patience);

  // The handler, in a place. Waits for one, 5 s at most: then 503 BUSY with Retry-After.
  HttpResponse Serve(const Handler& handler, const HttpRequest& request);

 private:
  static constexpr int kMaxPlaces = 64;
  static constexpr std::chrono::milliseconds kPatience{5'000};
  const std::chrono::milliseconds patience_;
  std::counting_semaphore<kMaxPlaces> free_;
};

// What somebody searched for, without what may be a meter point's number: those are not for the
// service's log.
std::string WithoutMeterPoints(std::string_view text);

// GET `pattern` for the role auditor. "Every view logged": each is a line `audit-view` of the
// service's log, and counted. An entry of the log itself would grow what is looked at, by one for
// each tile. References outlive the route.
void AddAuditView(Router& router, Box& box, const Log& log, std::string_view pattern,
                  Handler handler);
// Likewise, in one of the places.
void AddAuditReading(Router& router, Box& box, const Log& log,
                     const std::shared_ptr<ReadingPlaces>& places, std::string_view pattern,
                     Handler handler);
// GET `pattern`, a route of other roles too that was added before: the views of auditors are logged
// and counted as above.
void LogAuditorsViews(Router& router, Box& box, const Log& log, std::string_view pattern);

}  // namespace acb::platform
