// What the service answers (design.md section 8).
#pragma once

#include <memory>
#include <optional>

#include "platform/box.h"
#include "platform/router.h"

namespace acb::platform {

// The routes of a box that is open. The references must outlive the server.
Router BoxRoutes(Box& box, const Config& config, const Clock& clock, const Log& log,
                 const Sandbox* sandbox = nullptr);

// The routes of a box that did not open: health, readiness with the reason, and 503 with that
// reason for the rest. `config` and `clock` must outlive the server.
Router ClosedRoutes(const Failure& why, const Config& config, const Clock& clock,
                    const Sandbox* sandbox = nullptr);

}  // namespace acb::platform
