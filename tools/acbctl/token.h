// The token of a box that is stopped, opened as acbd does it.
#pragma once

#include <memory>

#include "hsm/hsm.h"
#include "platform/config.h"

namespace acb::acbctl {

// Before any thread is made: it forks (hsm/lister.h). Sets the module's environment. Fails as
// Hsm::Open and ReadPin do.
Result<std::unique_ptr<hsm::Hsm>> OpenToken(const platform::Config& config);

}  // namespace acb::acbctl
