// UTF-8 (RFC 3629): no overlongs, no surrogates, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <string_view>

namespace acb {

// The length of the sequence that starts `text`, which is not empty; 0 when it is ill-formed.
std::size_t Utf8Length(std::string_view text);

}  // namespace acb
