// Canonical JSON (RFC 8785) as the export has it, read in one pass and with no tolerance.
#pragma once

#include <optional>
#include <string_view>

#include "firmware/audit/entry.h"

namespace acb::verify {

// As deep as the log's own entries could ever be.
inline constexpr int kMaxLevels = 32;

// The object whose canonical form `text` is; nothing for other text: other spacing, order or
// escapes, members that come twice, numbers, null, more than kMaxLevels levels, ill-formed UTF-8.
// For every text: either nothing, or audit::CanonicalJson of what is given is that text.
std::optional<audit::Object> ParseCanonical(std::string_view text);

}  // namespace acb::verify
