// What the northbound side saw: commands and the devices' answers (design.md section 8).
#pragma once

#include "platform/box.h"
#include "platform/router.h"

namespace acb::platform {

// POST /v1/observations for the role northbound. JSON {"command", "response", "service_request"}:
// base64 of the GBCS octets; the service request as its text, or in base64. Any may be left out or
// null, but not both of command and response: a response alone is that of a command posted earlier.
//
// 200 when it is durable (R-128-19):
//   {"outcome": "recorded", "device", "originator", "originator_counter", "mode" ("3"; null when
//    the command is not CS02b), "stage" ("executed", "pending", "cancelled", "no-answer", "other"),
//    "request_id" (where it is known), "cells": [{"role", "result" ("success", "failed", "partial",
//    "floor", "stale", "quarantined"), "before", "after" ("acb", an EUI-64 or null), "floor" (of
//    the record afterwards, or null), "quarantined" (a number that waits for two operators)}],
//    "observations": [names of reasons], "alarms": [...], "last_issued", "environment",
//    "audit": {"index", "leaf"}}
// or the problem document of the refusal (firmware/observer.h) with "audit", also of a body that is
// no such JSON. References outlive the routes.
void AddObservationRoute(Router& router, Box& box, const Config& config, const Clock& clock);

}  // namespace acb::platform
