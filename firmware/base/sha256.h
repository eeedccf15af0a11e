#pragma once

#include <array>
#include <initializer_list>
#include <string>

#include "firmware/base/bytes.h"

namespace acb {

using Sha256Digest = std::array<std::uint8_t, 32>;

Sha256Digest Sha256(BytesView bytes);
// Of the concatenation of `parts`.
Sha256Digest Sha256(std::initializer_list<BytesView> parts);

}  // namespace acb
