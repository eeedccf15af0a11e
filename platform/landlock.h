// Landlock (landlock(7)) in the kernel's own terms. Private to the sandbox.
#pragma once

#include <cstdint>
#include <optional>

#include "firmware/base/result.h"
#include "platform/sandbox.h"

namespace acb::platform {

// What is limited beside files.
struct LandlockScope {
  bool signals = false;  // signals to processes that were there before (ABI 6)
};

// The ABI of this kernel; nothing where it has no Landlock, or it is switched off.
std::optional<int> LandlockAbi();

// This thread, and whatever it begins, is limited to the plan. Kernels before ABI 3 do not limit
// truncate(2), before ABI 4 no connection: the list of system calls has to. kConfiguration.
Status ApplyLandlock(int abi, const SandboxPlan& plan, LandlockScope scope);

}  // namespace acb::platform
