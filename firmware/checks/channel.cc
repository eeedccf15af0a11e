#include "firmware/checks/channel.h"

#include <algorithm>

namespace acb::checks {

Status CheckChannel(std::string_view channel, const std::vector<std::string>& allowed) {
  // R-074-5.
  if (allowed.empty() || std::ranges::find(allowed, channel) != allowed.end()) return Done{};
  return Failure(Reason::kChannel,
                 "the channel '" + std::string(channel) + "' may not be used for a handover");
}

Status CheckOriginator(Eui64 originator, const std::vector<Eui64>& allowed) {
  if (allowed.empty() || std::ranges::find(allowed, originator) != allowed.end()) return Done{};
  return Failure(Reason::kChannel,
                 "this client may not hand in requests of " + originator.Hyphenated());
}

}  // namespace acb::checks
