// What operators have stopped: everything, a party, a device, a certificate's subject or issuer
// (R-SEC3-56; R-SEC3-52 for the blocks).
#pragma once

#include "firmware/base/result.h"
#include "firmware/ports.h"
#include "firmware/smki/certificate.h"

namespace acb::checks {

// kSigningSuspended while all signing is stopped. A fault: the request stays open.
Status CheckSigningNotSuspended(const Records& records);
// kSuspended: a party's short name that this User has at `at`, or had since the order was made: a
// row that gives it another name lifts nothing. `what` the User is to the request, for the
// explanation; of another than the requester it is not said since when and by whom.
Status CheckUserNotSuspended(const Records& records, Eui64 user, std::string_view what,
                             bool say_by_whom, UtcTime at);
// kBlocked.
Status CheckDeviceNotBlocked(const Records& records, Eui64 device);
// An issuer's name as suspensions know it: case says nothing.
std::string IssuerSubject(const smki::Name& issuer);

// `reason`, with `what` whose subject it is.
Status CheckSubjectNotBlocked(const Records& records, Eui64 subject, std::string_view what,
                              Reason reason);

// kBlocked: the certificate's subject or issuer.
Status CheckCertificateNotBlocked(const Records& records, const smki::Certificate& certificate);

}  // namespace acb::checks
