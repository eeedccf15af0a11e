// platform::ParseConfig: acbd.toml.
#include "platform/config.h"

#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto config =
      acb::platform::ParseConfig(acb::fuzz::Text({data, size}), "/etc/acb/acbd.toml");
  if (!config) {
    acb::fuzz::Require(config.error().reason == acb::Reason::kConfiguration,
                       "refused as CONFIGURATION");
    return 0;
  }
  const bool live = config->environment == acb::smki::Environment::kLive;
  acb::fuzz::Require(!live || config->test.trust_anchors.empty(), "nothing relaxed in live");
  acb::fuzz::Require(!config->clients.empty(), "somebody can use the service");
  return 0;
}
