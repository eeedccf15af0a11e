// R-SEC3-70: the DCC communicates only with equipment on the Certified Products List.
#pragma once

#include "firmware/base/result.h"
#include "firmware/checks/policy.h"
#include "firmware/ports.h"

namespace acb::checks {

// The device's model has an entry in force at `at`. Asked for from the first import of feed
// certified-products on, and always where the policy requires it.
//
// Fails with
//   kDeviceStatus  the list has no entry in force for the model, or no model is recorded.
//   kFeedStale     the policy requires the list, and it was never imported.
Status CheckCertifiedProduct(const Records& records, const Policy& policy, const Device& device,
                             UtcTime at);

}  // namespace acb::checks
