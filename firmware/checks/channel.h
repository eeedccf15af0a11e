// R-074-5: each connection carries the label of its channel, and a handover may be asked for by
// some channels only; a client may be kept to the Users it hands in requests for.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "firmware/base/eui64.h"
#include "firmware/base/result.h"

namespace acb::checks {

// `allowed`: the channels that may be used for a handover; empty: every one.
// Fails with kChannel.
Status CheckChannel(std::string_view channel, const std::vector<std::string>& allowed);

// `allowed`: the originators of DUIS requests that the client may hand in; empty: every one. The
// originator is the one that the request claims: its signature is checked after this and binds it,
// and no stored answer is shown before this. Fails with kChannel.
Status CheckOriginator(Eui64 originator, const std::vector<Eui64>& allowed);

}  // namespace acb::checks
