// One listing by a module that is loaded for it: what the child of the lister does (lister.h).
#pragma once

#include <signal.h>

#include <chrono>
#include <string_view>
#include <vector>

#include "firmware/base/bytes.h"
#include "firmware/base/result.h"
#include "hsm/hsm.h"

namespace acb::hsm {

// Ends a listing that takes too long. C_Login rewrites SoftHSM's token.object in place (quirk 3): a
// process that is killed half-way would leave a token that no one can open. So it is not SIGKILL,
// and it waits while the listing logs in (HeldBack). Not SIGTERM either, which stops the service.
inline constexpr int kEndOfListing = SIGALRM;

// Loads the module, logs in and reads every data object of that application, all under the
// StartLock; kEndOfListing is held back while it logs in. For a process that has one thread and no
// module; `patience` is the wait for the lock. Fails as Hsm::Open does.
Result<std::vector<Bytes>> ListWithNewModule(const HsmSettings& settings,
                                             std::string_view application,
                                             std::chrono::milliseconds patience);

}  // namespace acb::hsm
