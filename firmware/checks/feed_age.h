// R-128-28, promise P9: data that is too old does not decide anything.
#pragma once

#include "firmware/base/result.h"
#include "firmware/checks/policy.h"
#include "firmware/ports.h"

namespace acb::checks {

// The feed was imported, and not longer ago than the limit says. `now` is real time: also where the
// instant that validity is judged at is fixed. An import that lies in the future by more than the
// limit is a clock that cannot be relied on.
// Fails with kFeedStale, naming the feed, its age and the limit.
Status CheckFeedAge(const Records& records, Feed feed, std::chrono::seconds limit, UtcTime now);

// No later import than the one that is held went with the disk, as the log says that a recovery
// took in. kFeedStale, until the feed is imported again.
Status CheckNotLost(const Records& records, Feed feed);

// Both, of each feed; the age of those with a limit. What the policy requires was imported.
Status CheckFeedAges(const Records& records, const Policy& policy, UtcTime now);

}  // namespace acb::checks
