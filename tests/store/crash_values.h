// What the crash test and its child agree on.
#pragma once

#include "store/store.h"

namespace acb::store {

inline constexpr Eui64 kCrashDevice{0x00DB1234567890A0};

inline RequestId CrashRequest(std::uint64_t number) {
  return RequestId{Eui64(0x90B3D51F30010000), kCrashDevice, number};
}
inline Bytes CrashCommand(std::uint64_t counter) {
  return Bytes(2000, static_cast<std::uint8_t>(counter));
}

}  // namespace acb::store
