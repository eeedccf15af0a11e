// Writes strict DER (X.690): definite minimal lengths, minimal integers. Shares no code with the
// reader, which is used to check what was written (R-SEC3-6).
#pragma once

#include <cstdint>
#include <initializer_list>

#include "firmware/base/bytes.h"

namespace acb::gbcs {

// Appends `length` in the shortest definite form: one octet below 128, else 8n and n octets,
// big-endian. The DLMS headers of GBCS use the same form (gbcs-cs02b.md section 2.1).
void AppendLength(std::size_t length, Bytes& out);

// Tag, length and the concatenation of `parts`. One-octet tags only: GBCS needs no other.
Bytes DerElement(std::uint8_t tag, std::initializer_list<BytesView> parts);

// An INTEGER of minimal two's complement under `tag`: 200 is 02 02 00 c8.
Bytes DerUnsigned(std::uint8_t tag, std::uint64_t value);

}  // namespace acb::gbcs
