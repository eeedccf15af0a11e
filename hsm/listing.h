// One listing by a module that is loaded for it: what the child of the lister does (lister.h).
#pragma once

#include <chrono>
#include <string_view>
#include <vector>

#include "firmware/base/bytes.h"
#include "firmware/base/result.h"
#include "hsm/hsm.h"

namespace acb::hsm {

// Loads the module, logs in and reads every data object of that application, all under the
// StartLock. For a process that has no module; `patience` is the wait for the lock. Fails as
// Hsm::Open does.
Result<std::vector<Bytes>> ListWithNewModule(const HsmSettings& settings,
                                             std::string_view application,
                                             std::chrono::milliseconds patience);

}  // namespace acb::hsm
