// R-NOW-3: a floor that the supplier chooses must not lock out the incoming party.
#pragma once

#include <string>
#include <vector>

#include "firmware/base/result.h"
#include "firmware/duis/request.h"

namespace acb::checks {

// Fails with kFloorLimit when a requested floor is above `limit`. Gives FLOOR_ABSENT as an
// observation when the request has none: the new party must then start above the ACB's counter.
Result<std::vector<std::string>> CheckRequestedFloor(const duis::HandoverRequest& request,
                                                     std::uint64_t limit);

}  // namespace acb::checks
