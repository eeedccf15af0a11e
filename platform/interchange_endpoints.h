// Counters that go from one box to another (design.md section 4, "Export, import").
#pragma once

#include "firmware/base/time.h"
#include "platform/box.h"
#include "platform/config.h"
#include "platform/router.h"

namespace acb::platform {

//   POST /v1/counters/export  operator  {} or {"fenced": true}: the file (counter_file.h), with its
//                                       public key in the header X-Checkpoint-Key. Fenced, this box
//                                       gives out no counter any more, for good: 202 until a second
//                                       operator asks for the same
//   POST /v1/counters/import  operator  the file, and in X-Checkpoint-Key the source's public key
//                                       (SubjectPublicKeyInfo, Base64), which the operators know
//                                       from elsewhere: 202 until a second operator sends the same
// References must outlive the routes.
void AddInterchangeRoutes(Router& router, Box& box, const Config& config, const Clock& clock);

}  // namespace acb::platform
