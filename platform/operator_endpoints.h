// What operators do: the quarantine and suspensions (design.md section 8).
#pragma once

#include "platform/box.h"
#include "platform/router.h"

namespace acb::platform {

// GET /v1/quarantine, POST /v1/quarantine/{id}/release and /delete, GET and POST /v1/suspension.
//
// To stop takes one operator and is done when it is answered (R-SEC3-56). To release, to delete and
// to lift takes two, who are two client certificates of role operator with different names: the
// first is answered 202, the second 200. References outlive the routes.
void AddOperatorRoutes(Router& router, Box& box, const Config& config, const Clock& clock);

}  // namespace acb::platform
