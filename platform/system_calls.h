// The list of system calls (seccomp(2), libseccomp). Private to the sandbox.
#pragma once

#include <sys/types.h>

#include "firmware/base/result.h"

namespace acb::platform {

struct CallRules {
  bool sockets = false;   // new ones, and connecting them
  bool children = false;  // fork, and program code that is mapped: a lister and its children
  pid_t signals_to = 0;   // 0: itself alone. With `children`: any, Landlock limits it
};

// For every thread of the process, for good, and for what it forks. kConfiguration.
Status ApplyCallList(const CallRules& rules);

}  // namespace acb::platform
