#include "firmware/base/p256_field.h"

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

// a * b / 2^256 mod p, for a and b below p (Montgomery, by the limb: Koc, Acar and Kaliski 1996,
// "CIOS"). -1/p mod 2^64 is 1, since the low limb of p is 2^64 - 1.
FieldElement MultiplyMontgomery(const Limbs& a, const Limbs& b) {
  std::array<std::uint64_t, kLimbs + 2> t{};
  for (std::size_t i = 0; i < kLimbs; ++i) {
    std::uint64_t carry = 0;
    for (std::size_t j = 0; j < kLimbs; ++j) {
      const Wide step = Wide{a[j]} * b[i] + t[j] + carry;
      t[j] = Low(step);
      carry = High(step);
    }
    Wide top = Wide{t[kLimbs]} + carry;
    t[kLimbs] = Low(top);
    t[kLimbs + 1] = High(top);

    const std::uint64_t factor = t[0];
    carry = High(Wide{factor} * kPrime[0] + t[0]);
    for (std::size_t j = 1; j < kLimbs; ++j) {
      const Wide step = Wide{factor} * kPrime[j] + t[j] + carry;
      t[j - 1] = Low(step);
      carry = High(step);
    }
    top = Wide{t[kLimbs]} + carry;
    t[kLimbs - 1] = Low(top);
    t[kLimbs] = t[kLimbs + 1] + High(top);
  }
  return Reduced({t[0], t[1], t[2], t[3]}, t[kLimbs]);
}

}  // namespace

std::optional<FieldElement> FieldElement::From(std::span<const std::uint8_t, 32> octets) {
  constexpr std::size_t kLimbOctets = 8;
  Limbs limbs{};
  for (std::size_t i = 0; i < octets.size(); ++i) {
    std::uint64_t& limb = limbs[kLimbs - 1 - i / kLimbOctets];
    limb = limb << 8 | octets[i];
  }
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
