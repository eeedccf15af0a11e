// R-128-28, promise P9: data that is too old does not decide anything.
#pragma once

#include "firmware/base/result.h"
#include "firmware/checks/policy.h"
#include "firmware/ports.h"

namespace acb::checks {

// Of one feed: no later import than the one that is held went with the disk; and where the policy
// has a limit, it was imported, and not longer ago than that. `now` is real time: also where the
// instant that validity is judged at is fixed. An import that lies in the future by more than the
// limit is a clock that cannot be relied on.
// Fails with kFeedStale, naming the feed and, of a limit, its age and the limit.
Status CheckFeed(const Records& records, const Policy& policy, Feed feed, UtcTime now);

// Of each feed; and what the policy requires was imported.
Status CheckFeeds(const Records& records, const Policy& policy, UtcTime now);

}  // namespace acb::checks
