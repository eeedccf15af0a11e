// POST /v1/feeds/...: one file, all or nothing (design.md section 8).
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>

#include "firmware/base/time.h"
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
  std::filesystem::path scratch;  // a directory for files without a name, while an import runs
  // Held by the devices import that runs, which has its memory and its threads once.
  std::shared_ptr<std::mutex> one_devices_import = std::make_shared<std::mutex>();
};

// Adds the five feed routes: parties, devices, registrations, organisation-certificates,
// revocation-lists. Each import is an audit record with the file's SHA-256, rows and changed rows;
// a rejected file is answered with FEED_REJECTED and its rows' lines and reasons, and changes
// nothing.
void AddFeedRoutes(Router& router, const FeedContext& context);

}  // namespace acb::platform
