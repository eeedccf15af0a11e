// May this User ask for this device's credentials to be handed over?
#pragma once

#include <string>

#include "firmware/base/result.h"
#include "firmware/duis/request.h"
#include "firmware/ports.h"

namespace acb::checks {

// The User is a DCC User in a supplier role (IS or GS: duis-6.21.md 2.1), not suspended or expelled
// (R-SEC3-10), has completed User Entry Process Tests (R-074-2), and is the supplier registered for
// the device's meter point when the request is to be executed (R-107-5). Status and role are judged
// at `at` and at that time; a User that has the role of the device's fuel (IS for an ESME, GS for a
// GSME or GPF) by that role alone. Gives the party's short name at `at`.
//
// Fails with
//   kSubjectUnknown         the User is not in the register of parties.
//   kSuspended              suspended, expelled, ceased, or no row in force.
//   kRoleNotAllowed         not a supplier.
//   kRequesterNotEligible   not the registered supplier, or not tested.
//   kNoUnmapped             the network operator of a GPF is asked for, and no registration of its
//                           meter point was ever imported (R-063-14).
Result<std::string> CheckEligibility(const Records& records, const duis::HandoverRequest& request,
                                     const Device& device, UtcTime at);

// The party is the registered supplier of the meter point in every instant of [from, to]
// (R-107-5 (i)); kRequesterNotEligible.
Status CheckRegisteredSupplier(const Records& records, std::string_view mpxn,
                               std::string_view party, UtcTime from, UtcTime to);

// IS or GS: the User Roles that may send 6.21 (duis-6.21.md 2.1).
bool IsSupplierRole(UserRole role);

// The active rows of `rows` in force at `at`, the newest of each role. kSuspended when one that is
// in force says suspended or expelled, whatever its role (R-SEC3-10), or when none is active: a
// role that ceased is one the party no longer has.
Result<std::vector<PartyRecord>> ActiveRows(const std::vector<PartyRecord>& rows, UtcTime at);

// No row in force at `at`, of whatever User ID of the party, says suspended or expelled
// (R-SEC3-10); kSuspended, of `whom` ("the party").
Status CheckPartyNotBarred(const Records& records, std::string_view party, std::string_view whom,
                           UtcTime at);

// Of the registrations of a meter point that in force at `at`; nullptr when there is none. When
// rows overlap the one that began last counts.
const Registration* RegistrationOf(const std::vector<Registration>& rows, UtcTime at);
// The same of those that the records have of `mpxn`.
Result<std::optional<Registration>> RegistrationAt(const Records& records, std::string_view mpxn,
                                                   UtcTime at);

}  // namespace acb::checks
