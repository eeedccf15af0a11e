// SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7), DER, of the two kinds of key that the box has.
// Both are of fixed length, so what stands before the key is a constant.
#pragma once

#include <array>
#include <cstdint>

#include "firmware/base/bytes.h"
#include "firmware/base/p256.h"

namespace acb {

// RFC 5480 section 2: id-ecPublicKey, secp256r1, up to the uncompressed point.
inline constexpr std::array<std::uint8_t, 26> kP256SpkiPrefix = {
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01,
    0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};
// RFC 8410 section 4: id-Ed25519, up to the 32 octets of the key.
inline constexpr std::array<std::uint8_t, 12> kEd25519SpkiPrefix = {
    0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00};

inline Bytes SpkiOfP256(const PublicPoint& point) {
  return ByteWriter().Raw(kP256SpkiPrefix).Raw(point).bytes();
}

}  // namespace acb
