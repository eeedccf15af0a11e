#include "platform/system_clock.h"

#include <chrono>

namespace acb::platform {

UtcTime SystemClock::Now() const {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return UtcTime(std::chrono::floor<std::chrono::milliseconds>(since_epoch).count());
}

}  // namespace acb::platform
