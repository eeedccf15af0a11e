#include "firmware/smki/device_identity.h"

#include "firmware/base/sha256_stream.h"
#include "firmware/smki/certificate_fields.h"
#include "firmware/smki/device_profile.h"

namespace acb::smki {

namespace {

std::optional<Eui64> EuiOf(const CertificateParts& parts) {
  const Extension* names = FindExtension(parts.extensions, oid::kSubjectAltName);
  return names == nullptr ? std::nullopt : HardwareSerialNumber(names->value);
}

// The profile demands one.
BytesView AuthorityKeyOf(const CertificateParts& parts) {
  const Extension* extension = FindExtension(parts.extensions, oid::kAuthorityKeyIdentifier);
  return DecodeAuthorityKeyIdentifier(extension->value)->key_identifier;
}

// Each thread keeps its own: the room for it costs a third of the hash of a certificate.
Sha256Digest Sha256InPlace(BytesView der) {
  thread_local Sha256Stream stream;
  stream.Restart();
  stream.Update(der);
  return stream.Finish();
}

}  // namespace

std::optional<Eui64> DeviceEui64(const Certificate& certificate) {
  return EuiOf(certificate.fields());
}

std::optional<DeviceKeyFacts> ReadDeviceKey(BytesView der) {
  CertificateParts parts;
  if (ReadParts(der, parts)) return std::nullopt;
  const auto point = PointOf(parts);
  const auto usage = KeyUsageOf(parts);
  const auto device = EuiOf(parts);
  if (!point || !usage || !device || FindDeviceFault(parts, *point)) return std::nullopt;
  return DeviceKeyFacts{*device, *point, *usage, AuthorityKeyOf(parts), Sha256InPlace(der)};
}

}  // namespace acb::smki
