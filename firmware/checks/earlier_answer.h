// Promise P5: a retried request gets what the first one got.
#pragma once

#include <optional>

#include "firmware/base/result.h"
#include "firmware/ports.h"

namespace acb::checks {

// The stored answer for this RequestID, when the octets are the same; nothing when the RequestID is
// open (never seen, or abandoned). R-NOW-8.
//
// Fails with
//   kReplay   other octets were received under this RequestID.
//   kBusy     the same octets are being worked on right now.
Result<std::optional<StoredRequest>> FindEarlierAnswer(const Records& records,
                                                       const RequestId& request,
                                                       const Sha256Digest& body);

}  // namespace acb::checks
