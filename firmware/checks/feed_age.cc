#include "firmware/checks/feed_age.h"

#include <utility>

#include "firmware/lost_imports.h"

namespace acb::checks {
namespace {

std::string Hours(std::int64_t milliseconds) {
  return std::to_string(milliseconds / (std::int64_t{3600} * 1000)) + " h";
}

Status CheckAge(const std::optional<LastImport>& import, Feed feed, std::chrono::seconds limit,
                UtcTime now) {
  const std::string name(Name(feed));
  if (!import) return Failure(Reason::kFeedStale, "feed " + name + " was never imported");
  const std::int64_t age = now.milliseconds() - import->at.milliseconds();
  const std::int64_t most = std::chrono::milliseconds(limit).count();
  if (age > most) {
    return Failure(Reason::kFeedStale, "feed " + name + " was imported at " + import->at.Iso() +
                                           ", " + Hours(age) + " ago; the limit is " + Hours(most));
  }
  if (-age > most) {
    return Failure(Reason::kFeedStale, "feed " + name + " was imported at " + import->at.Iso() +
                                           ", which is in the future");
  }
  return Done{};
}

bool IsRequired(const Policy& policy, Feed feed) {
  return (feed == Feed::kRepositoryStatus && policy.repository_required) ||
         (feed == Feed::kCertifiedProducts && policy.products_required);
}

}  // namespace

Status CheckFeed(const Records& records, const Policy& policy, Feed feed, UtcTime now) {
  const auto import = records.FindLastImport(feed);
  if (!import) return import.error();
  if (Status kept = CheckNotLost(*import, feed); !kept) return kept;
  const auto limit = policy.feed_max_age.find(feed);
  if (limit == policy.feed_max_age.end()) return Done{};
  return CheckAge(*import, feed, limit->second, now);
}

Status CheckFeeds(const Records& records, const Policy& policy, UtcTime now) {
  for (const Feed feed : kFeeds) {
    if (Status fresh = CheckFeed(records, policy, feed, now); !fresh) return fresh;
    if (!IsRequired(policy, feed)) continue;
    const auto import = records.FindLastImport(feed);
    if (!import) return import.error();
    if (!import->has_value()) {
      return Failure(Reason::kFeedStale,
                     "feed " + std::string(Name(feed)) + " was never imported, and is required");
    }
  }
  return Done{};
}

}  // namespace acb::checks
