#include "firmware/base/p256_field.h"

#include <bit>
#include <cstring>

namespace acb::p256 {
namespace {

using Limbs = FieldElement::Limbs;
__extension__ using Wide = unsigned __int128;

constexpr std::size_t kLimbs = 4;
constexpr unsigned kLimbBits = 64;

constexpr Limbs kPrime = {0xffffffffffffffff, 0x00000000ffffffff, 0, 0xffffffff00000001};
// 2^512 mod p.
constexpr Limbs kRSquared = {0x0000000000000003, 0xfffffffbffffffff, 0xfffffffffffffffe,
                             0x00000004fffffffd};

std::uint64_t Low(Wide value) { return static_cast<std::uint64_t>(value); }
std::uint64_t High(Wide value) { return static_cast<std::uint64_t>(value >> kLimbBits); }

// a - p into `difference`; whether a < p.
bool SubtractPrime(const Limbs& a, Limbs& difference) {
  std::uint64_t borrow = 0;
  for (std::size_t i = 0; i < kLimbs; ++i) {
    const Wide step = Wide{a[i]} - kPrime[i] - borrow;
    difference[i] = Low(step);
    borrow = High(step) != 0 ? 1 : 0;
  }
  return borrow != 0;
}

// Of a number below 2p, whose bit 256 is `carry`.
FieldElement Reduced(const Limbs& a, std::uint64_t carry) {
  Limbs difference;
  const bool below = SubtractPrime(a, difference);
  return FieldElement(below && carry == 0 ? a : difference);
}

// `sum` + a * b + carry: the low limb stays, the high one is the carry.
inline void MultiplyAdd(std::uint64_t& sum, std::uint64_t a, std::uint64_t b,
                        std::uint64_t& carry) {
  const Wide step = Wide{a} * b + sum + carry;
  sum = Low(step);
  carry = High(step);
}

// a * b / 2^256 mod p, for a and b below p (Montgomery, by the limb: Koc, Acar and Kaliski 1996,
// "CIOS"). -1/p mod 2^64 is 1, since the low limb of p is 2^64 - 1. Four limbs written out: the
// compiler does not do it, and it is half of the time.
FieldElement MultiplyMontgomery(const Limbs& a, const Limbs& b) {
  const auto [a0, a1, a2, a3] = a;
  std::uint64_t t0 = 0, t1 = 0, t2 = 0, t3 = 0, t4 = 0;
  for (const std::uint64_t factor : b) {
    std::uint64_t carry = 0;
    MultiplyAdd(t0, a0, factor, carry);
    MultiplyAdd(t1, a1, factor, carry);
    MultiplyAdd(t2, a2, factor, carry);
    MultiplyAdd(t3, a3, factor, carry);
    const Wide top = Wide{t4} + carry;

    const std::uint64_t multiple = t0;  // of p, which makes the low limb zero
    carry = 0;
    MultiplyAdd(t0, multiple, kPrime[0], carry);
    MultiplyAdd(t1, multiple, kPrime[1], carry);
    MultiplyAdd(t2, multiple, kPrime[2], carry);
    MultiplyAdd(t3, multiple, kPrime[3], carry);
    const Wide shifted = top + carry;
    t0 = t1;
    t1 = t2;
    t2 = t3;
    t3 = Low(shifted);
    t4 = High(shifted);
  }
  return Reduced({t0, t1, t2, t3}, t4);
}

// Most significant octet first.
inline std::uint64_t LimbAt(const std::uint8_t* octets) {
  std::uint64_t limb = 0;
  std::memcpy(&limb, octets, sizeof limb);
  if constexpr (std::endian::native == std::endian::little) limb = __builtin_bswap64(limb);
  return limb;
}

}  // namespace

std::optional<FieldElement> FieldElement::From(std::span<const std::uint8_t, 32> octets) {
  const std::uint8_t* at = octets.data();
  const Limbs limbs = {LimbAt(at + 24), LimbAt(at + 16), LimbAt(at + 8), LimbAt(at)};
  Limbs unused;
  if (!SubtractPrime(limbs, unused)) return std::nullopt;
  return FieldElement(limbs);
}

FieldElement operator+(const FieldElement& a, const FieldElement& b) {
  Limbs sum;
  std::uint64_t carry = 0;
  for (std::size_t i = 0; i < kLimbs; ++i) {
    const Wide step = Wide{a.limbs_[i]} + b.limbs_[i] + carry;
    sum[i] = Low(step);
    carry = High(step);
  }
  return Reduced(sum, carry);
}

FieldElement operator-(const FieldElement& a, const FieldElement& b) {
  Limbs difference;
  std::uint64_t borrow = 0;
  for (std::size_t i = 0; i < kLimbs; ++i) {
    const Wide step = Wide{a.limbs_[i]} - b.limbs_[i] - borrow;
    difference[i] = Low(step);
    borrow = High(step) != 0 ? 1 : 0;
  }
  if (borrow == 0) return FieldElement(difference);
  std::uint64_t carry = 0;  // below zero: p is added, and the carry out of the top is the borrow's
  for (std::size_t i = 0; i < kLimbs; ++i) {
    const Wide step = Wide{difference[i]} + kPrime[i] + carry;
    difference[i] = Low(step);
    carry = High(step);
  }
  return FieldElement(difference);
}

FieldElement operator*(const FieldElement& a, const FieldElement& b) {
  // a * 2^256, then times b / 2^256.
  return MultiplyMontgomery(MultiplyMontgomery(a.limbs_, kRSquared).limbs_, b.limbs_);
}

}  // namespace acb::p256
