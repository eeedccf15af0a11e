#include "firmware/smki/device_identity.h"

#include "firmware/smki/certificate_fields.h"

namespace acb::smki {

std::optional<Eui64> DeviceEui64(const Certificate& certificate) {
  const Extension* names = FindExtension(certificate.fields().extensions, oid::kSubjectAltName);
  return names == nullptr ? std::nullopt : HardwareSerialNumber(names->value);
}

}  // namespace acb::smki
