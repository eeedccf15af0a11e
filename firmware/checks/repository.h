// What the SMKI Repository says of a certificate (R-128-7, R-SEC3-23).
#pragma once

#include <vector>

#include "firmware/base/result.h"
#include "firmware/checks/policy.h"
#include "firmware/ports.h"
#include "firmware/smki/certificate.h"

namespace acb::checks {

// Each certificate is in the repository: feed organisation-certificates brought it, or feed
// repository-status says that it is in use. Asked for from the first import of repository-status
// on, and always where the policy requires it. The repository's word that one is revoked counts
// before any list says so.
//
// Fails with
//   kCertRevoked      the repository says revoked.
//   kNotInRepository  it does not have the certificate, or not in use.
//   kFeedStale        the policy requires the repository, and it was never imported.
Status CheckRepository(const Records& records, const Policy& policy,
                       const std::vector<smki::CertificatePtr>& certificates);

// Revoked there: kCertRevoked, or kIssuerRevoked for an issuing authority's. That it is there at
// all is not asked: of the signer, the issuing authorities and the ACB's own (R-128-7, R-SEC3-29).
Status CheckNotRevokedInRepository(const Records& records, const smki::Certificate& certificate,
                                   Reason revoked);

}  // namespace acb::checks
