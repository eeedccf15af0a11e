// Names from DER, for certificates and revocation lists.
#pragma once

#include <optional>

#include "firmware/smki/certificate.h"
#include "firmware/smki/der.h"

namespace acb::smki {

// `der`: one Name, already known to be strict DER. Nothing for another structure, or more than 32
// attributes. An empty name is a name.
std::optional<Name> ParseName(BytesView der);
// Whether ParseName reads it, which writes a text for each attribute.
bool IsName(BytesView der);

}  // namespace acb::smki
