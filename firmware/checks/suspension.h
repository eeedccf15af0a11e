// What operators have stopped: everything, a party, a device, a certificate's subject or issuer
// (R-SEC3-56; R-SEC3-52 for the blocks).
#pragma once

#include "firmware/base/result.h"
#include "firmware/ports.h"
#include "firmware/smki/certificate.h"

namespace acb::checks {

// kSigningSuspended while all signing is stopped. A fault: the request stays open.
Status CheckSigningNotSuspended(const Records& records);
// kSuspended. `party` is a short name; "what" it is to the request, for the explanation; of another
// party than the requester it is not said since when and by whom.
Status CheckPartyNotSuspended(const Records& records, std::string_view party, std::string_view what,
                              bool say_by_whom);
// kBlocked.
Status CheckDeviceNotBlocked(const Records& records, Eui64 device);
// An issuer's name as suspensions know it: case says nothing.
std::string IssuerSubject(const smki::Name& issuer);

// kBlocked: the certificate's subject or issuer.
Status CheckCertificateNotBlocked(const Records& records, const smki::Certificate& certificate);

}  // namespace acb::checks
