// R-074-5: each connection carries the label of its channel, and a handover may be asked for by
// some channels only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "firmware/base/result.h"

namespace acb::checks {

// `allowed`: the channels that may be used for a handover; empty: every one.
// Fails with kChannel.
Status CheckChannel(std::string_view channel, const std::vector<std::string>& allowed);

}  // namespace acb::checks
