// Key identifiers of the SMKI. The keys themselves: firmware/base/p256.h.
#pragma once

#include "firmware/base/bytes.h"
#include "firmware/base/p256.h"

namespace acb::smki {

// RFC 5280 section 4.2.1.2 method (2): 0100 and the low 60 bits of SHA-1 of the point; 8 octets
// (gbcs-cs02b.md 9.1).
Bytes KeyIdentifier(const PublicPoint& point);

}  // namespace acb::smki
