// POST /v1/feeds/devices: the one feed whose files have many millions of rows.
#pragma once

#include <functional>
#include <memory>

#include "platform/feed_import.h"

namespace acb::platform {

HttpResponse ImportDevices(const FeedContext& context, const HttpRequest& request);

// Takes a devices file while it comes (Route::intake). One at a time, for its threads and its
// memory: another file that begins meanwhile waits for its end in a file, as those of other feeds
// do. With device roots each does: all paths are judged as of one instant, when the file is there.
std::function<std::shared_ptr<BodyIntake>()> DevicesIntake(const FeedContext& context);

}  // namespace acb::platform
