// What the process does for its secrets before it has any (requirements R-SEC3-33; design.md
// promise P7).
#pragma once

#include "platform/log.h"

namespace acb::platform {

// No core of this process is written, whatever limit it was given; nobody of its own user may trace
// it or read its memory (root may: that is the machine's owner), and from now on every Secret and
// every private key that OpenSSL holds lies in memory that is locked, left out of cores and between
// guard pages. Where the kernel refuses one of these the log says which and what to do, and the
// process goes on. Once, before any thread, any secret and any other use of OpenSSL: what that, or
// a module that shares it, gives back is wiped from then on, whoever was careless with it.
void HardenProcess(const Log& log);

}  // namespace acb::platform
