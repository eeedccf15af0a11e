// Are the certificates in the request ones that may go on the device? The check this box exists
// for.
#pragma once

#include <string>
#include <vector>

#include "firmware/base/result.h"
#include "firmware/duis/request.h"
#include "firmware/gbcs/update_security_credentials.h"
#include "firmware/smki/trust.h"

namespace acb::checks {

// Proof that every certificate passed, and what goes into the command.
class CheckedTarget {
 public:
  const gbcs::HandoverContent& content() const { return content_; }
  Eui64 holder() const { return holder_; }  // the one EUI-64 of all certificates
  const std::vector<smki::CertificatePtr>& certificates() const { return certificates_; }
  // Of each of them, in their order.
  const std::vector<smki::CertificatePtr>& issuing() const { return issuing_; }
  const std::vector<std::string>& observations() const { return observations_; }

 private:
  friend Result<CheckedTarget> CheckTargetCertificates(const smki::Trust&,
                                                       const duis::HandoverRequest&, Eui64,
                                                       UtcTime);
  explicit CheckedTarget(Eui64 acb) : content_{.acb = acb}, holder_(0) {}
  gbcs::HandoverContent content_;
  Eui64 holder_;
  std::vector<smki::CertificatePtr> certificates_;
  std::vector<smki::CertificatePtr> issuing_;
  std::vector<std::string> observations_;
};

// Set complete (R-063-3), each certificate of the SMKI profile (R-SEC3-8) with the key usage of its
// cell and the role in its OU (R-NOW-6), all of one EUI-64 that is not the ACB's (R-128-13), path
// exactly root -> issuing -> organisation with fresh revocation (R-SEC3-11, -14 to -18), leaf,
// issuing authority and root in date at the execution time too (R-SEC3-7, R-107-5), no published
// test key in live (R-SEC3-33), and the path in the request the one that was checked.
//
// Fails with kCertSetIncomplete, kCertSetMixed, kReplacementIsAcb, kRole, kProfile, kEnvironment,
// kChain, and what smki::Trust::CheckPath fails with.
Result<CheckedTarget> CheckTargetCertificates(const smki::Trust& trust,
                                              const duis::HandoverRequest& request, Eui64 acb,
                                              UtcTime at);

// R-128-13: whatever name it has, no certificate holds a key of the ACB's own, which would still
// obey the ACB alone. Fails with kReplacementIsAcb.
Status CheckNoAcbKey(const CheckedTarget& target, const std::vector<PublicPoint>& acb_keys);

}  // namespace acb::checks
