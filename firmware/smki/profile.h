// The profile of an SMKI organisation certificate (leaf): gbcs-cs02b.md sections 9.1 and 10,
// duis-6.21.md section 7.2. Path, status and time are another question (trust.h); whether role and
// key usage fit a request another still (checks/).
#pragma once

#include "firmware/base/result.h"
#include "firmware/smki/certificate.h"
#include "firmware/smki/trust.h"

namespace acb::smki {

// Pure; thread-safe. `settings` gives the policy of this environment.
//
// Explanations name the certificate by Label(), what was expected and what was found. Fails with
//   kNotOrganisationCert  it is a CA's or a device's certificate (R-SEC3-9, R-SEC3-13).
//   kAlgorithm            signature algorithm, curve or form of the key (R-SEC3-5).
//   kProfile              any other field (R-SEC3-8).
Status CheckOrganisationProfile(const Certificate& certificate, const TrustSettings& settings);

}  // namespace acb::smki
