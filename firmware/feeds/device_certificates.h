// Certificates of the device PKI (R-SEC3-13, R-SEC3-19, R-SEC3-20).
#pragma once

#include "firmware/base/result.h"
#include "firmware/records.h"
#include "firmware/smki/certificate.h"

namespace acb::feeds {

struct DeviceCertificate {
  enum class Kind {
    kAuthority,       // issuing device CA
    kKeyAgreement,    // of `device`, whose key is `key`
    kDigitalSigning,  // of `device`: checks the signatures of its responses
  };
  Kind kind = Kind::kAuthority;
  Eui64 device{0};
  PublicPoint key{};
};

// What the certificate is: a CA by basicConstraints and keyUsage, a device's by hardwareModuleName
// (gbcs-cs02b.md 9.4) and its one key usage. All of the profile of the device PKI
// (smki/device_profile.h). Looks at no signature, no time and no revocation, which device
// certificates do not know (R-SEC3-19). Fails with kFeedRejected for anything else.
Result<DeviceCertificate> SortDeviceCertificate(const smki::Certificate& certificate);

}  // namespace acb::feeds
