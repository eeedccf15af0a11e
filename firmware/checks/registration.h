// SECMP0063: the certificates are those of the party registered for the meter point.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "firmware/base/result.h"
#include "firmware/checks/policy.h"
#include "firmware/ports.h"

namespace acb::checks {

// Who the network operator of the meter point is, by both ways of finding out (R-063-2), and what
// of it is only observed.
struct RegistrationFinding {
  std::string holder;           // party of the certificates, short name; empty while unknown
  std::string by_registration;  // short name; empty when not registered, or role Supplier
  std::string by_prefix;  // ESME: the party of the MPAN's first two digits; empty when unknown
  std::vector<std::string> observations;
};

// Role NetworkOperator: `holder` (the EUI-64 of the certificates) is a network operator in the
// register of parties, and is the one registered for the device's meter point (R-063-1, R-063-13).
// For a GPF the gas network party must be a DCC User without notice to cease (R-128-3, R-128-6).
// Registration decides; an MPAN prefix that says otherwise is observed as PREFIX_MISMATCH
// (R-063-2). Where the policy has this check off, what it would have refused as kNoUnmapped or
// kNoNotRegistered is an observation of that name.
// Role Supplier: `holder` is of the party that is registered as supplier, which is `requester`
// (CheckEligibility), now and then.
//
// `now`: status; `then`: registration and status, the instant of RightsApplyAt.
//
// Fails with
//   kSubjectUnknown   no party with that EUI-64 and a fitting role (R-063-17).
//   kNoUnmapped       no network operator is registered for the meter point (R-063-14).
//   kNoNotRegistered  another one is.
//   kGnpNotUser       a gas network party that is not a DCC User, or has given notice.
//   kSuspended        the party is suspended or expelled (R-SEC3-10).
//   kRequesterNotEligible  supplier certificates of another party than the requester's.
// `found` is filled as far as it was learned, also when this fails.
Status CheckRegistration(const Records& records, const Policy& policy, const Device& device,
                         RemotePartyRole role, Eui64 holder, std::string_view requester,
                         UtcTime now, UtcTime then, RegistrationFinding& found);

// When the party of the row gave notice, by `at`, that it ceases to be a DCC User (R-128-6): it
// does so, not one of its User IDs, and of each the row of that role that is true at `at` counts.
// Nothing: it has not.
Result<std::optional<UtcTime>> NoticeGiven(const Records& records, const PartyRecord& row,
                                           UtcTime at);

// Of the rows with that role: one in force at `at` before one that is not, then the one that began
// last; nullptr when none has begun. Points into `rows`.
const PartyRecord* RowOfRole(const std::vector<PartyRecord>& rows, UserRole role, UtcTime at);

}  // namespace acb::checks
