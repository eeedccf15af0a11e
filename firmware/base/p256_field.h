// The field of P-256 (FIPS 186-4, D.1.2.3): integers modulo p = 2^256 - 2^224 + 2^192 + 2^96 - 1,
// as far as the curve's equation needs them.
//
// OpenSSL's BIGNUM gives the same some ten times slower, nearly all of it memory management: too
// slow for a file of ten million devices. For public values only: the time depends on them. What it
// computes is compared with OpenSSL's in tests/firmware/base/p256_field_test.cc.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

namespace acb::p256 {

// Always less than p.
class FieldElement {
 public:
  // 32 octets, big-endian; nothing when they are not less than p.
  static std::optional<FieldElement> From(std::span<const std::uint8_t, 32> octets);
  static constexpr FieldElement Small(std::uint64_t value) {
    return FieldElement({value, 0, 0, 0});
  }
  // Least significant first; less than p.
  using Limbs = std::array<std::uint64_t, 4>;
  explicit constexpr FieldElement(const Limbs& limbs) : limbs_(limbs) {}

  friend FieldElement operator+(const FieldElement& a, const FieldElement& b);
  friend FieldElement operator-(const FieldElement& a, const FieldElement& b);
  friend FieldElement operator*(const FieldElement& a, const FieldElement& b);
  friend bool operator==(const FieldElement&, const FieldElement&) = default;

 private:
  Limbs limbs_;
};

// b of y^2 = x^3 - 3x + b.
inline constexpr FieldElement kCurveB({0x3bce3c3e27d2604b, 0x651d06b0cc53b0f6, 0xb3ebbd55769886bc,
                                       0x5ac635d8aa3a93e7});

}  // namespace acb::p256
