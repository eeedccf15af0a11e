#include "firmware/base/p256_field.h"

#include <gtest/gtest.h>
#include <openssl/bn.h>

#include <random>
#include <vector>

#include "firmware/base/bytes.h"
#include "firmware/base/handle.h"
#include "firmware/base/p256.h"

namespace acb::p256 {
namespace {

using Number = Handle<BIGNUM, BN_free>;
using Scratch = Handle<BN_CTX, BN_CTX_free>;
using Octets = std::array<std::uint8_t, 32>;

Number ToNumber(BytesView octets) {
  return Number(BN_bin2bn(octets.data(), static_cast<int>(octets.size()), nullptr));
}

Octets ToOctets(const BIGNUM* number) {
  Octets octets{};
  EXPECT_EQ(BN_bn2binpad(number, octets.data(), 32), 32);
  return octets;
}

FieldElement Element(const BIGNUM* number) {
  return FieldElement::From(std::span<const std::uint8_t, 32>(ToOctets(number))).value();
}

// Where carries and borrows end: 0, 1, limbs of all ones and of none, all around the prime; and
// values that no one chose.
std::vector<Number> Values() {
  std::vector<Number> values;
  const BIGNUM* p = BN_get0_nist_prime_256();
  for (unsigned i = 0; i < 16; ++i) {
    Octets limbs{};
    for (std::size_t at = 0; at < limbs.size(); ++at) {
      limbs[at] = (i >> (at / 8) & 1) != 0 ? 0xff : 0;
    }
    for (BN_ULONG add = 0; add < 3; ++add) {
      Number up = ToNumber(limbs);
      Number down = ToNumber(limbs);
      EXPECT_EQ(BN_add_word(up.get(), add), 1);
      if (BN_cmp(up.get(), p) < 0) values.push_back(std::move(up));
      if (BN_cmp(down.get(), p) < 0 && !BN_is_zero(down.get()) &&
          BN_sub_word(down.get(), add) == 1 && !BN_is_negative(down.get())) {
        values.push_back(std::move(down));
      }
    }
  }
  for (BN_ULONG below = 1; below < 5; ++below) {
    Number number(BN_dup(p));
    EXPECT_EQ(BN_sub_word(number.get(), below), 1);
    values.push_back(std::move(number));
  }
  std::mt19937_64 random(20260101);
  while (values.size() < 200) {
    Octets octets;
    for (std::uint8_t& octet : octets) octet = static_cast<std::uint8_t>(random());
    Number number = ToNumber(octets);
    if (BN_cmp(number.get(), p) < 0) values.push_back(std::move(number));
  }
  return values;
}

TEST(P256Field, ComputesWhatOpensslComputes) {
  const auto values = Values();
  const BIGNUM* p = BN_get0_nist_prime_256();
  const Scratch scratch(BN_CTX_new());
  const Number expected(BN_new());
  for (const Number& a : values) {
    for (const Number& b : values) {
      const FieldElement first = Element(a.get());
      const FieldElement second = Element(b.get());
      ASSERT_EQ(BN_mod_mul(expected.get(), a.get(), b.get(), p, scratch.get()), 1);
      ASSERT_EQ(first * second, Element(expected.get()));
      ASSERT_EQ(BN_mod_add(expected.get(), a.get(), b.get(), p, scratch.get()), 1);
      ASSERT_EQ(first + second, Element(expected.get()));
      ASSERT_EQ(BN_mod_sub(expected.get(), a.get(), b.get(), p, scratch.get()), 1);
      ASSERT_EQ(first - second, Element(expected.get()));
    }
  }
}

TEST(P256Field, TakesWhatIsBelowThePrimeOnly) {
  const Number number(BN_dup(BN_get0_nist_prime_256()));
  const Octets prime = ToOctets(number.get());
  EXPECT_FALSE(FieldElement::From(prime));
  Octets ones;
  ones.fill(0xff);
  EXPECT_FALSE(FieldElement::From(ones));
  ASSERT_EQ(BN_sub_word(number.get(), 1), 1);
  EXPECT_TRUE(FieldElement::From(ToOctets(number.get())));
}

// A point of the curve, found by a root: y = (x^3 - 3x + b)^((p + 1) / 4), as p mod 4 is 3.
TEST(P256Field, EveryPointOfTheCurveIsOnItAndItsNeighboursAreNot) {
  const BIGNUM* p = BN_get0_nist_prime_256();
  const Scratch scratch(BN_CTX_new());
  std::size_t found = 0;
  for (const Number& x : Values()) {
    const FieldElement element = Element(x.get());
    const FieldElement square = (element * element - FieldElement::Small(3)) * element + kCurveB;
    FieldElement root = FieldElement::Small(1);
    const Number exponent(BN_dup(p));
    ASSERT_EQ(BN_add_word(exponent.get(), 1), 1);
    ASSERT_EQ(BN_rshift(exponent.get(), exponent.get(), 2), 1);
    for (int bit = BN_num_bits(exponent.get()) - 1; bit >= 0; --bit) {
      root = root * root;
      if (BN_is_bit_set(exponent.get(), bit)) root = root * square;
    }
    if (root * root != square) continue;
    ++found;
    // The root as a number: OpenSSL's own, which the first test ties to ours.
    const Number y(BN_new());
    const Number cubic(BN_new());
    const Number three(BN_new());
    const Number b = ToNumber(
        FromHex("5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b").value());
    ASSERT_EQ(BN_set_word(three.get(), 3), 1);
    ASSERT_EQ(BN_mod_sqr(cubic.get(), x.get(), p, scratch.get()), 1);
    ASSERT_EQ(BN_mod_sub(cubic.get(), cubic.get(), three.get(), p, scratch.get()), 1);
    ASSERT_EQ(BN_mod_mul(cubic.get(), cubic.get(), x.get(), p, scratch.get()), 1);
    ASSERT_EQ(BN_mod_add(cubic.get(), cubic.get(), b.get(), p, scratch.get()), 1);
    ASSERT_EQ(BN_mod_exp(y.get(), cubic.get(), exponent.get(), p, scratch.get()), 1);
    ASSERT_EQ(Element(y.get()), root);
    Bytes point = {0x04};
    const Octets first = ToOctets(x.get());
    const Octets second = ToOctets(y.get());
    point.insert(point.end(), first.begin(), first.end());
    point.insert(point.end(), second.begin(), second.end());
    EXPECT_TRUE(IsOnP256(point));
    for (const std::size_t at : {1u, 32u, 33u, 64u}) {
      Bytes other = point;
      other[at] ^= 1;
      EXPECT_FALSE(IsOnP256(other)) << at;
    }
  }
  EXPECT_GT(found, 50u);  // about half of all x have one
}

}  // namespace
}  // namespace acb::p256
