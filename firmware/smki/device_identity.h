// Whose device certificate it is.
#pragma once

#include <optional>

#include "firmware/smki/certificate.h"

namespace acb::smki {

// hwSerialNum of the one hardwareModuleName in the subjectAltName: the device's EUI-64
// (gbcs-cs02b.md 9.4, RFC 4108 section 5). Nothing when there is none, several, or one that is not
// of 8 octets. Whether anybody vouches for the certificate is another question.
std::optional<Eui64> DeviceEui64(const Certificate& certificate);

}  // namespace acb::smki
