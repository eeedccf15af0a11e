// Paths of the device PKI: device, issuing device CA, device root (R-SEC3-13, R-SEC3-20). It has no
// certificate in common with the organisation PKI, and no revocation (R-SEC3-19).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "firmware/base/p256.h"
#include "firmware/base/result.h"
#include "firmware/smki/certificate.h"

namespace acb::smki {

// basicConstraints with cA TRUE and keyUsage with keyCertSign.
bool IsDeviceAuthority(const Certificate& certificate);

// The CAs held at one moment, judged at one instant. A CA is found by its subject name and verified
// when it is first needed: what a path costs does not grow with how many CAs there are. Not
// thread-safe.
class DevicePaths {
 public:
  // `roots`: the only anchors. With none every path is refused.
  DevicePaths(const std::vector<CertificatePtr>& roots, UtcTime at);

  // Never trusted for being there. What is no CA, or issued to itself, is left out.
  void AddAuthority(const CertificatePtr& certificate);

  // Names, key identifiers, ECDSA signatures, validity at `at`, of CAs also the CA flag and
  // keyCertSign; exactly root -> issuing CA -> device. The first CA of that name that will do
  // counts. About 0.15 ms for the first device of a CA, 0.07 ms later. Fails with kChain, or
  // kCertExpired when it is only a matter of time; the explanation says what was expected.
  Status Check(const Certificate& device);

 private:
  struct Authority {
    CertificatePtr certificate;
    bool judged = false;
    Status good = Done{};           // once judged
    std::vector<VerifyingKey> key;  // one, when it is good
  };
  Status CheckIssuing(const Certificate& authority) const;
  void Judge(Authority& authority) const;

  const UtcTime at_;
  std::map<std::string, std::vector<Authority>> roots_;    // by subject Name::Key()
  std::map<std::string, std::vector<Authority>> issuing_;  // likewise
};

}  // namespace acb::smki
