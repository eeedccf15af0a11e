#pragma once

#include "firmware/base/time.h"

namespace acb::platform {

// The machine's wall clock.
class SystemClock final : public Clock {
 public:
  UtcTime Now() const override;
};

}  // namespace acb::platform
