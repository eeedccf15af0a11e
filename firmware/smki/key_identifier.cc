#include "firmware/smki/key_identifier.h"

#include <openssl/sha.h>

#include <array>

namespace acb::smki {

Bytes KeyIdentifier(const PublicPoint& point) {
  constexpr std::size_t kSize = 8;
  std::array<std::uint8_t, SHA_DIGEST_LENGTH> digest;
  SHA1(point.data(), point.size(), digest.data());
  Bytes identifier(digest.end() - kSize, digest.end());
  identifier[0] = static_cast<std::uint8_t>(0x40 | (identifier[0] & 0x0f));
  return identifier;
}

}  // namespace acb::smki
