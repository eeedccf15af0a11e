// What auditors ask for besides the log itself (design.md section 8).
#pragma once

#include "platform/box.h"
#include "platform/router.h"

namespace acb::platform {

// GET /v1/reports/{report}?from= for the role auditor, as JSON:
//   deadlocks       SMETS1 devices whose recorded owner is not the registered network operator
//                   (R-107-3)
//   reconciliation  proxy records on which DSP, S1SP and the devices feed do not agree (R-107-8)
//   mismatches      signed and refused handovers where the MPAN prefix named another party than
//                   registration data, from the audit log (R-063-2)
//
// {"report", "generated_at", "classification", "rows": [...], "next"}. An answer is a page of
// devices or of log entries, each as of its own moment; it may hold no row and still not be the
// last. `next` is the `from` of the page after it, null at the end. No meter point number is in
// any.
//
// References outlive the routes.
void AddReportRoutes(Router& router, Box& box, const Clock& clock);

}  // namespace acb::platform
