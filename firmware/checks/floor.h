// R-NOW-3: a floor that the supplier chooses must not lock out the incoming party.
#pragma once

#include <string>
#include <vector>

#include "firmware/base/result.h"
#include "firmware/checks/policy.h"
#include "firmware/duis/request.h"

namespace acb::checks {

// Fails with kFloorLimit when a requested floor is above the policy's limit. A request without one
// is observed as FLOOR_ABSENT: the new party must then start above the ACB's counter. The policy
// can refuse it, as kFloorLimit.
Result<std::vector<std::string>> CheckRequestedFloor(const duis::HandoverRequest& request,
                                                     const Policy& policy);

}  // namespace acb::checks
