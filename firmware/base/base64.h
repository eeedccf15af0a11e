// Base64 (RFC 4648 section 4), strict: libxml2's schema check lets "!!!" pass (duis-6.21.md 4.7).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "firmware/base/bytes.h"

namespace acb {

std::string ToBase64(BytesView bytes);

// Blanks, tabs, CR and LF between the digits are skipped (XML Schema allows them; Java signers
// write them). Anything else outside the alphabet, missing or misplaced padding, and non-zero
// unused bits give nothing. The empty text gives no octets.
std::optional<Bytes> FromBase64(std::string_view text);

}  // namespace acb
