// The review page and what belongs to it (design.md section 8, GET /), for the role auditor.
#pragma once

#include "platform/audit_view.h"
#include "platform/box.h"
#include "platform/router.h"

namespace acb::platform {

// GET /?month=2026-11            the review page
// GET /review/search?q=&before=&after=  one handover from request to response, or a device
// GET /review/entry/{index}      one entry of the log
// GET /review/entries?...        the entries behind a figure of the page (R-063-12)
// GET /review/export?...         the command that makes an export
// GET /assets/{name}             style and scripts
//
// All are read-only, and every view but that of a file is a line of the service's log and counted
// (R-SEC3-59); few searches are made at once (audit_view.h). From now on a thread counts the log
// for the page, until the last route is gone: before the box is. References outlive the routes.
void AddReviewRoutes(Router& router, Box& box, const Clock& clock, const Log& log,
                     const std::shared_ptr<ReadingPlaces>& places);

// Of a box that did not open: the page says why.
void AddClosedReviewRoutes(Router& router, const Failure& why, std::string environment,
                           const Clock& clock);

}  // namespace acb::platform
