// Counters for the ACB's other commands, and their raise-only repair by operators (design.md
// sections 4 and 8).
#pragma once

#include "firmware/base/time.h"
#include "platform/box.h"
#include "platform/config.h"
#include "platform/router.h"

namespace acb::platform {

//   POST /v1/counters/{device}/reserve  dsp       {"purpose"}: spends one counter. Refusals are
//                                                 recorded before they are answered (P4)
//   POST /v1/counters/{device}/raise    operator  {"to", "role", "reason"}: 202 until a second
//                                                 operator asks for the same
//   GET  /v1/counters/{device}          dsp, auditor, operator
// References must outlive the routes.
void AddCounterRoutes(Router& router, Box& box, const Clock& clock);

}  // namespace acb::platform
