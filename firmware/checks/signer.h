// Who may sign a DUIS request: the certificate that its KeyInfo names, found here and trusted now.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "firmware/base/result.h"
#include "firmware/base/time.h"
#include "firmware/duis/request.h"
#include "firmware/smki/trust.h"

namespace acb::checks {

struct FoundSigner {
  smki::CertificatePtr certificate;
  std::vector<std::string> observations;
};

// Whether the request that names its signer was signed with the key of this certificate.
using HasSigned = std::function<bool(const smki::Certificate&)>;

// The certificate that `name` means; nullptr when none is held. Two CAs of one name may have given
// out one serial number: of several the first whose key has signed, or the first of all.
smki::CertificatePtr ChooseSigner(const smki::Trust& trust, const duis::SignerName& name,
                                  const HasSigned& has_signed);

// The certificate is held, is an XML signing certificate (OU 87), and has a good path and status at
// `at` (R-SEC3-7: each time it is relied on). In the test environment a pinned certificate needs
// neither path nor OU (design.md section 10).
//
// Fails with
//   kSenderAuth   not held, or not an XML signing certificate.
//   kTestKey      a published test key, in the live environment (R-SEC3-32).
//   and what smki::Trust::CheckPath fails with.
Result<FoundSigner> FindSigner(const smki::Trust& trust, const duis::SignerName& name, UtcTime at,
                               const HasSigned& has_signed = {});

}  // namespace acb::checks
