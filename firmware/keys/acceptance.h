// Whether a certificate that came is one for a key in the HSM (R-SEC3-44).
#pragma once

#include "firmware/base/result.h"
#include "firmware/keys/register.h"
#include "firmware/smki/trust.h"

namespace acb::keys {

// The certificate names this key, the role ACB (subject OU 04), the one key usage of the key's
// role, the ACB's EUI-64, and has a path by what the box trusts, in date and not revoked, at `at`.
// In `live` its key is no published test key (R-SEC3-33).
//
// Fails with kAcbCert (another key, usage or EUI-64, or no path: the explanation says which),
// kRole, kTestKey.
Status CheckCertificateFor(const KeyRecord& key, const smki::CertificatePtr& certificate, Eui64 acb,
                           const smki::Trust& trust, UtcTime at);

}  // namespace acb::keys
