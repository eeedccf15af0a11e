// What the configuration says certificates are judged by.
#pragma once

#include "firmware/smki/trust.h"
#include "platform/config.h"

namespace acb::platform {

// Opens the files that [trust] names. kConfiguration.
Result<smki::TrustSettings> TrustSettingsOf(const Config& config);

}  // namespace acb::platform
