// POST /v1/feeds/...: one file; GET /v1/feeds: what came last (design.md section 8).
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "firmware/base/time.h"
#include "firmware/smki/certificate.h"
#include "platform/http_message.h"
#include "platform/live_trust.h"
#include "platform/router.h"
#include "store/store.h"

namespace acb::platform {

// What the imports need. References outlive the routes.
struct FeedContext {
  const Clock& clock;
  store::Store& store;
  LiveTrust& trust;
  std::uint64_t body_limit;
  // Test only: the instant that validity is judged at.
  std::optional<UtcTime> validation_time = {};
  // With any, a device's key agreement certificate needs a path to one of them.
  std::vector<smki::CertificatePtr> device_roots = {};

  UtcTime JudgedAt() const { return validation_time.value_or(clock.Now()); }
  std::filesystem::path scratch;  // a directory for files without a name, while an import runs
};

// Adds the routes of all feeds (kFeeds), and the list of the newest import of each. A feed is
// imported by one client at a time. Each import is an audit record with the file's SHA-256, rows
// and changed rows; a rejected file is answered with FEED_REJECTED and its rows' lines and reasons,
// and changes nothing. Of certified-products alone the good rows are taken and the others listed.
void AddFeedRoutes(Router& router, const FeedContext& context);

}  // namespace acb::platform
