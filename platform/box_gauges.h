// Metrics of a box that are read when they are asked for, and cost a handover nothing.
#pragma once

#include <string>

#include "firmware/base/time.h"
#include "platform/box.h"

namespace acb::platform {

// Lines of the Prometheus text format: HSM and flush latencies, the writer's queue, feed and
// revocation list ages, counter headroom, certificates' ends, the anchor's age, space left.
std::string BoxGauges(Box& box, const Config& config, UtcTime now);

// What the process denies itself; nullptr: nothing.
std::string SandboxMetrics(const Sandbox* sandbox);

}  // namespace acb::platform
