// The token of a box that is stopped.
#pragma once

#include <memory>

#include "hsm/provisioning.h"
#include "platform/config.h"

namespace acb::acbctl {

// For key ceremonies, restore and recover: whatever ACB keys there are, none or other ones than a
// register says. Before any thread is made: it forks (hsm/lister.h). Sets the module's environment.
// Fails as Provisioning::Open and ReadPin do.
Result<std::unique_ptr<hsm::Provisioning>> OpenToken(const platform::Config& config);

// The key that signs checkpoints, tested: without it no box starts. Fails with kHsmUnavailable.
Result<hsm::PublicKey> CheckpointKeyOf(hsm::Provisioning& token);

}  // namespace acb::acbctl
