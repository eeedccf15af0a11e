// The inside of the lister's process (lister.h).
#pragma once

#include <sys/types.h>

#include <chrono>

#include "hsm/child_process.h"
#include "hsm/hsm.h"

namespace acb::hsm {

// Called in a new process that has one thread and no module; serves until no one can ask any more.
// Ends the process at once when `parent` is gone already.
[[noreturn]] void RunLister(const HsmSettings& settings, std::chrono::milliseconds deadline,
                            pid_t parent, ChildPipes pipes);

}  // namespace acb::hsm
