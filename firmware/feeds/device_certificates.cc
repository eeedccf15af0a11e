#include "firmware/feeds/device_certificates.h"

#include "firmware/smki/device_identity.h"
#include "firmware/smki/device_path.h"
#include "firmware/smki/device_profile.h"

namespace acb::feeds {
namespace {

using Kind = DeviceCertificate::Kind;

Failure Refused(const smki::Certificate& certificate, std::string_view why) {
  return Failure(Reason::kFeedRejected, certificate.Label() + ": " + std::string(why));
}

Result<DeviceCertificate> Sort(const smki::Certificate& certificate) {
  const auto point = certificate.public_point();
  if (!point) return Refused(certificate, "expected a key on P-256");
  if (smki::IsDeviceAuthority(certificate)) {
    return DeviceCertificate{Kind::kAuthority, Eui64(0), *point};
  }
  const auto device = smki::DeviceEui64(certificate);
  if (!device) {
    return Refused(
        certificate,
        "neither a CA (basicConstraints, keyCertSign) nor a device's (hardwareModuleName)");
  }
  if (certificate.key_usage() == KeyUsage::kKeyAgreement) {
    return DeviceCertificate{Kind::kKeyAgreement, *device, *point};
  }
  if (certificate.key_usage() == KeyUsage::kDigitalSignature) {
    return DeviceCertificate{Kind::kDigitalSigning, *device, *point};
  }
  return Refused(certificate,
                 "expected keyUsage keyAgreement or digitalSignature and nothing else");
}

}  // namespace

// R-SEC3-8: also where no path is asked for.
Result<DeviceCertificate> SortDeviceCertificate(const smki::Certificate& certificate) {
  auto sorted = Sort(certificate);
  if (!sorted) return sorted;
  const Status profile = sorted->kind == Kind::kAuthority
                             ? smki::CheckDeviceAuthorityProfile(certificate)
                             : smki::CheckDeviceProfile(certificate);
  if (!profile) return Failure(Reason::kFeedRejected, profile.error().explanation);
  return sorted;
}

}  // namespace acb::feeds
