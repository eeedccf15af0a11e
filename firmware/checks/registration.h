// SECMP0063: the certificates are those of the party registered for the meter point.
#pragma once

#include "firmware/base/result.h"
#include "firmware/ports.h"

namespace acb::checks {

// Role NetworkOperator: `holder` (the EUI-64 of the certificates) is a network operator in the
// register of parties, and is the one registered for the device's meter point (R-063-1, R-063-13).
// For a GPF the gas network party must be a DCC User without notice to cease (R-128-3, R-128-6).
// Role Supplier: `holder` is of the party that is registered as supplier, which is `requester`.
//
// Fails with
//   kSubjectUnknown   no party with that EUI-64 and a fitting role (R-063-17).
//   kNoUnmapped       no network operator is registered for the meter point (R-063-14).
//   kNoNotRegistered  another one is.
//   kGnpNotUser       a gas network party that is not a DCC User, or has given notice.
//   kSuspended        the party is suspended or expelled (R-SEC3-10).
//   kRequesterNotEligible  supplier certificates of another party than the requester's.
Status CheckRegistration(const Records& records, const Device& device, RemotePartyRole role,
                         Eui64 holder, std::string_view requester, UtcTime at);

}  // namespace acb::checks
