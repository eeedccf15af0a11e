// When a future-dated 6.21 may be asked for (duis-6.21.md sections 1.2 and 1.6).
#pragma once

#include "firmware/base/result.h"
#include "firmware/duis/request.h"

namespace acb::checks {

// A request without ExecutionDateTime is for now. One with it goes with Command Variant 1 alone,
// and must not be the value that cancels a future-dated 6.15.1: to sign what was meant to stop
// something would be the worst reading. A time that is past is good: the DSP holds a request until
// then. Fails with kCommandVariant, kMalformed.
Status CheckExecutionTime(const duis::HandoverRequest& request);

// The instant at which the parties' rights are judged (R-107-5), and to which the certificates have
// to be in date (R-SEC3-7): the execution time of a future-dated request, otherwise `now`. A time
// that is past does not stand for now.
UtcTime RightsApplyAt(const duis::HandoverRequest& request, UtcTime now);

}  // namespace acb::checks
