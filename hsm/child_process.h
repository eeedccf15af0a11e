// What a process of ours does first that was forked without exec.
#pragma once

#include "hsm/pipe.h"

namespace acb::hsm {

struct ChildPipes {
  Descriptor from_parent;  // read end
  Descriptor to_parent;    // write end
};

// Names the process and closes every descriptor but the two pipes and standard error: whatever was
// open in the parent, a locked store among it, must not live on. Standard error stays, so that what
// a module complains of is beside what the service says. No signal handler of the parent is left;
// the signals that stop a service, that come from a terminal, and SIGPIPE are ignored, and none is
// blocked. The descriptors in `pipes` get other numbers. False when it cannot be done: the process
// then ends.
bool BecomeChild(const char* name, ChildPipes& pipes);

}  // namespace acb::hsm
