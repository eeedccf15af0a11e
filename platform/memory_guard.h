// What a handler answers that ran out of memory.
#pragma once

#include "platform/router.h"

namespace acb::platform {

// The handler; when it throws std::bad_alloc, 503 BUSY: the file of one client must not take the
// service from the others. For handlers that write all or nothing, in one job of the store. One
// that reserves first is better ended with the process: the next start abandons what is unanswered.
Handler BusyWithoutMemory(Handler handler);

}  // namespace acb::platform
