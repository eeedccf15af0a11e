#include "firmware/checks/execution_time.h"

#include <algorithm>

namespace acb::checks {
namespace {

constexpr int kOnDemandAndFutureDated = 1;
// 3000-12-31T00:00:00Z in milliseconds.
constexpr UtcTime kCancellation{32'535'129'600'000};

}  // namespace

Status CheckExecutionTime(const duis::HandoverRequest& request) {
  if (!request.execution) return Done{};
  if (*request.execution >= kCancellation) {
    return Failure(Reason::kMalformed,
                   "ExecutionDateTime " + request.execution->Iso() +
                       " cancels; a 6.21 that the DCC holds is not cancelled here");
  }
  if (request.command_variant != kOnDemandAndFutureDated) {
    return Failure(Reason::kCommandVariant, "ExecutionDateTime goes with Command Variant 1 only");
  }
  return Done{};
}

UtcTime RightsApplyAt(const duis::HandoverRequest& request, UtcTime now) {
  return request.execution ? std::max(*request.execution, now) : now;
}

}  // namespace acb::checks
