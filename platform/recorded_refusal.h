// A refusal of what a client wants done, on the record before it is answered (promise P4).
#pragma once

#include <string_view>

#include "platform/box.h"
#include "platform/http_message.h"

namespace acb::platform {

// What was refused, as its entry names it.
struct RefusedAct {
  std::string_view act;
  std::string_view scope = {};    // of a suspension
  std::string_view subject = {};  // device, party, number in quarantine; empty: not known, or all
};

// The problem document, with the entry's receipt. What the store is too busy for, or cannot write,
// is not recorded.
HttpResponse RefuseRecorded(Box& box, const HttpRequest& request, const RefusedAct& what,
                            const Failure& why, UtcTime now);

}  // namespace acb::platform
