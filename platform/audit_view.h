// What auditors look at, and that they looked (R-SEC3-59, item 28).
#pragma once

#include <string_view>

#include "platform/box.h"
#include "platform/log.h"
#include "platform/router.h"

namespace acb::platform {

// GET `pattern` for the role auditor. "Every view logged": each is a line `audit-view` of the
// service's log, and counted. An entry of the log itself would grow what is looked at, by one for
// each tile. References outlive the route.
void AddAuditView(Router& router, Box& box, const Log& log, std::string_view pattern,
                  Handler handler);

}  // namespace acb::platform
