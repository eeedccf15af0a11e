// Who the DCC's public test data is about.
#pragma once

#include "firmware/base/eui64.h"

namespace acb::testing {

inline constexpr Eui64 kAcb{0x90B3D51F30000002};
inline constexpr Eui64 kGpf{0x00DB1234567890A3};

}  // namespace acb::testing
