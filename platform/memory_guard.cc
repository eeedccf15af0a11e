#include "platform/memory_guard.h"

#include <new>

namespace acb::platform {

Handler BusyWithoutMemory(Handler handler) {
  return [handler = std::move(handler)](const HttpRequest& request) {
    try {
      return handler(request);
    } catch (const std::bad_alloc&) {
      // What the handler held is free again.
      return Problem(Failure(Reason::kBusy, "there is not memory enough for this now"));
    }
  };
}

}  // namespace acb::platform
