// One order about many: who is stopped, or may go on, is read from a file.
#pragma once

#include "tools/acbctl/operate.h"

namespace acb::acbctl {

// `options.subjects`, one subject a line, blank lines apart, in as many requests as the box takes
// them. Every line is looked at before the first request. What a refused request leaves is said:
// all requests before it hold. Exit code (remote.h).
int SuspendList(const Connection& connection, const SuspendOptions& options);

}  // namespace acb::acbctl
