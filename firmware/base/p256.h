// P-256 (FIPS 186-4, D.1.2.3), as every part of the box uses it: the one check of points, ECDSA
// with SHA-256 in both encodings, ECDH. All numbers big-endian. Thread-safe; nothing blocks.
#pragma once

#include <openssl/types.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "firmware/base/bytes.h"
#include "firmware/base/secret.h"

namespace acb {

inline constexpr std::size_t kP256ScalarOctets = 32;

// A P-256 public key: 04 || x (32) || y (32). Checked to be on the curve where it enters.
using PublicPoint = std::array<std::uint8_t, 1 + 2 * kP256ScalarOctets>;

// 04 || x || y with both coordinates below the field prime, and the point on the curve. The point
// at infinity has no such form; compressed and hybrid forms are refused. P-256 has cofactor 1: such
// a point is in the group.
[[nodiscard]] bool IsOnP256(BytesView point);

// r (32) || s (32).
using EcdsaSignature = std::array<std::uint8_t, 2 * kP256ScalarOctets>;

// The r and s of an ECDSA-Sig-Value (RFC 3279 section 2.2.3) in strict DER. Nothing for another
// encoding: long lengths, padded or negative integers, octets before the end or after it. A
// superfluous leading zero octet is refused although two public test device certificates have one
// (gbcs-cs02b.md 9.4): a second encoding of one signature would be a second certificate with the
// same content. Nothing, too, for an integer of more than 32 octets.
std::optional<EcdsaSignature> ReadSigValue(BytesView der);
// The strict DER of it.
Bytes WriteSigValue(const EcdsaSignature& signature);

// A public key ready to verify. Copies share it.
class VerifyingKey {
 public:
  // Nothing when the point is not on the curve, or the library cannot take it.
  static std::optional<VerifyingKey> From(const PublicPoint& point);

  // Whether it is an ECDSA signature with SHA-256 over `message`. False, too, for r or s outside
  // 1 .. n-1. High s is as good as low s: neither RFC 5280 nor GBCS (section 2.3) has a low-s rule.
  [[nodiscard]] bool VerifyRaw(BytesView message, const EcdsaSignature& signature) const;
  // The same; false for other than 64 octets.
  [[nodiscard]] bool VerifyRaw(BytesView message, BytesView signature) const;
  // `sig_value`: as ReadSigValue takes it.
  [[nodiscard]] bool VerifyDer(BytesView message, BytesView sig_value) const;

  const PublicPoint& point() const { return point_; }
  // For libraries that take an OpenSSL key.
  EVP_PKEY* handle() const { return key_.get(); }

 private:
  VerifyingKey(const PublicPoint& point, std::shared_ptr<EVP_PKEY> key)
      : point_(point), key_(std::move(key)) {}
  PublicPoint point_;
  std::shared_ptr<EVP_PKEY> key_;
};

// ECDH: the x coordinate of own * peer, 32 octets. `own` holds a private key on P-256. Nothing when
// the peer's point is not on the curve (looked at before anything is computed), or the library
// fails.
std::optional<Secret> AgreeP256(EVP_PKEY& own, const PublicPoint& peer);

}  // namespace acb
