// The inside of the lister's process (lister.h).
#pragma once

#include <sys/types.h>

#include <chrono>

#include "hsm/hsm.h"
#include "hsm/pipe.h"

namespace acb::hsm {

struct ListerPipes {
  Descriptor requests;  // read end
  Descriptor replies;   // write end
};

// Called in a new process that has one thread and no module; serves until no one can ask any more.
// Ends the process at once when `parent` is gone already.
[[noreturn]] void RunLister(const HsmSettings& settings, std::chrono::milliseconds deadline,
                            pid_t parent, ListerPipes pipes);

}  // namespace acb::hsm
