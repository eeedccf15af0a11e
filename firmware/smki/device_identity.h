// Whose device certificate it is.
#pragma once

#include <optional>

#include "firmware/smki/certificate.h"

namespace acb::smki {

// hwSerialNum of the one hardwareModuleName in the subjectAltName: the device's EUI-64
// (gbcs-cs02b.md 9.4, RFC 4108 section 5). Nothing when there is none, several, or one that is not
// of 8 octets. Whether anybody vouches for the certificate is another question.
std::optional<Eui64> DeviceEui64(const Certificate& certificate);

// What a device's certificate says of its key, for files of many millions of them.
struct DeviceKeyFacts {
  Eui64 device{0};
  PublicPoint point{};
  KeyUsage usage = KeyUsage::kKeyAgreement;
  BytesView authority_key;  // keyIdentifier of the authorityKeyIdentifier, in the DER; 8 octets
  Sha256Digest sha256{};    // of the DER
};

// What Certificate::Parse, public_point(), key_usage() and DeviceEui64() say, by the same code but
// without the texts of a Certificate; nothing when any of them has nothing to say, or the
// certificate does not follow the profile (device_profile.h).
std::optional<DeviceKeyFacts> ReadDeviceKey(BytesView der);

}  // namespace acb::smki
