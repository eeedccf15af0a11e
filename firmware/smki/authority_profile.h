// The profile of the two kinds of CA of the organisation PKI: gbcs-cs02b.md section 9.2.
#pragma once

#include "firmware/base/result.h"
#include "firmware/smki/certificate.h"
#include "firmware/smki/trust.h"

namespace acb::smki {

// Both fail with kChain alone, whatever the field: what is wrong with a CA is, to the certificate
// below it, a broken chain (R-SEC3-11). Pure; thread-safe.
Status CheckIssuingAuthorityProfile(const Certificate& certificate, const TrustSettings& settings);
// Also that it is signed by itself.
Status CheckRootProfile(const Certificate& certificate, const TrustSettings& settings);

}  // namespace acb::smki
