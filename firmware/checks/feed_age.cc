#include "firmware/checks/feed_age.h"

#include <utility>

namespace acb::checks {
namespace {

std::string Hours(std::int64_t milliseconds) {
  return std::to_string(milliseconds / (std::int64_t{3600} * 1000)) + " h";
}

Status CheckImported(const Records& records, Feed feed) {
  const auto import = records.FindLastImport(feed);
  if (!import) return import.error();
  if (import->has_value()) return Done{};
  return Failure(Reason::kFeedStale,
                 "feed " + std::string(Name(feed)) + " was never imported, and is required");
}

}  // namespace

Status CheckFeedAge(const Records& records, Feed feed, std::chrono::seconds limit, UtcTime now) {
  const std::string name(Name(feed));
  const auto import = records.FindLastImport(feed);
  if (!import) return import.error();
  if (!import->has_value()) {
    return Failure(Reason::kFeedStale, "feed " + name + " was never imported");
  }
  const std::int64_t age = now.milliseconds() - (*import)->at.milliseconds();
  const std::int64_t most = std::chrono::milliseconds(limit).count();
  if (age > most) {
    return Failure(Reason::kFeedStale, "feed " + name + " was imported at " + (*import)->at.Iso() +
                                           ", " + Hours(age) + " ago; the limit is " + Hours(most));
  }
  if (-age > most) {
    return Failure(Reason::kFeedStale, "feed " + name + " was imported at " + (*import)->at.Iso() +
                                           ", which is in the future");
  }
  return Done{};
}

Status CheckNotLost(const Records& records, Feed feed) {
  const auto import = records.FindLastImport(feed);
  if (!import) return import.error();
  if (!import->has_value() || !(*import)->lost) return Done{};
  return Failure(Reason::kFeedStale,
                 "imports of feed " + std::string(Name(feed)) +
                     " were lost with the disk, as the recovered log says (report feeds): import "
                     "each of them again, in their order");
}

Status CheckFeedAges(const Records& records, const Policy& policy, UtcTime now) {
  for (const Feed feed : kFeeds) {
    if (Status kept = CheckNotLost(records, feed); !kept) return kept;
  }
  for (const auto& [feed, limit] : policy.feed_max_age) {
    if (Status fresh = CheckFeedAge(records, feed, limit, now); !fresh) return fresh;
  }
  for (const auto& [feed, required] :
       {std::pair(Feed::kRepositoryStatus, policy.repository_required),
        std::pair(Feed::kCertifiedProducts, policy.products_required)}) {
    if (!required) continue;
    if (Status there = CheckImported(records, feed); !there) return there;
  }
  return Done{};
}

}  // namespace acb::checks
