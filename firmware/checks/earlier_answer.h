// Promise P5: a retried request gets what the first one got.
#pragma once

#include <optional>

#include "firmware/base/result.h"
#include "firmware/ports.h"

namespace acb::checks {

// The stored answer, when these very octets were answered (or quarantined) under this RequestID;
// nothing otherwise.
// They were verified then: a retry needs no new look at certificates that may have run out since.
// R-NOW-8.
Result<std::optional<StoredRequest>> FindEarlierAnswer(const Records& records,
                                                       const RequestId& request,
                                                       const Sha256Digest& body);

// The RequestID of a verified request is open: never used, or abandoned with the same octets.
//
// Fails with
//   kReplay   other octets were received under this RequestID.
//   kBusy     the same octets are being worked on, or were answered, right now.
Status CheckRequestIdOpen(const Records& records, const RequestId& request,
                          const Sha256Digest& body);

}  // namespace acb::checks
