// What operators have stopped: everything, a party, a device, a certificate's subject or issuer
// (R-SEC3-56; R-SEC3-52 for the blocks).
#pragma once

#include "firmware/base/result.h"
#include "firmware/ports.h"
#include "firmware/smki/certificate.h"

namespace acb::checks {

// kSigningSuspended while all signing is stopped. A fault: the request stays open.
Status CheckSigningNotSuspended(const Records& records);
// kSuspended. `party` is a short name; "what" it is to the request, for the explanation.
Status CheckPartyNotSuspended(const Records& records, std::string_view party,
                              std::string_view what);
// kBlocked.
Status CheckDeviceNotBlocked(const Records& records, Eui64 device);
// kBlocked: the certificate's subject or issuer.
Status CheckCertificateNotBlocked(const Records& records, const smki::Certificate& certificate);

}  // namespace acb::checks
