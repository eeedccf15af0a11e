// POST /v1/audit/export: the log, for a reviewer to take home.
#pragma once

#include "platform/box.h"
#include "platform/config.h"
#include "platform/router.h"

namespace acb::platform {

// Body: JSON {"from"?, "to"?, "redaction": "ssc" or "panel"}; from and to are decimal indices, RFC
// 3339 times or dates (UTC); `to` is the first entry or instant that is not in it. An open `to`
// ends at the newest anchored checkpoint, which is made for it.
//
// 200: the container (application/x-tar), the manifest's SHA-256 in X-Manifest-SHA256, and in
// X-Export the range as JSON. Its `export` entry is anchored before the first octet leaves, and
// lies beyond the range. One at a time: BUSY. The references must outlive the router.
void AddExportRoute(Router& router, Box& box, const Config& config, const Clock& clock);

}  // namespace acb::platform
