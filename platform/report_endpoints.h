// What auditors ask for besides the log itself (design.md section 8, requirements section 3).
#pragma once

#include "platform/audit_view.h"
#include "platform/box.h"
#include "platform/log.h"
#include "platform/router.h"

namespace acb::platform {

// GET /v1/reports/{report} for the role auditor (report_query.h says what it takes, report_text.h
// how it looks). What each report has is in firmware/reports/; the README lists them.
//
// A report that is made from the log reads the entries that there were when it began, once. One
// that walks the devices takes them page by page, each as of its own moment. `next` is the `page`
// of the rest, null at the end. No meter point number is in any.
//
// Every view is logged, and few are made at once (audit_view.h). References outlive the routes.
void AddReportRoutes(Router& router, Box& box, const Config& config, const Clock& clock,
                     const Log& log, const std::shared_ptr<ReadingPlaces>& places);

}  // namespace acb::platform
