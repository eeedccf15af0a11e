// Arithmetic of the check of agreements.
#include "hsm/curve.h"

#include <gtest/gtest.h>

#include <array>

#include "hsm/software_key.h"

namespace acb::hsm {
namespace {

using Octets = std::array<std::uint8_t, 32>;

// p of P-256: FIPS 186-4, D.1.2.3.
constexpr Octets kP = {0xff, 0xff, 0xff, 0xff, 0,    0,    0,    1,    0,    0,    0,
                       0,    0,    0,    0,    0,    0,    0,    0,    0,    0xff, 0xff,
                       0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

Octets Small(std::uint8_t value) {
  Octets octets{};
  octets.back() = value;
  return octets;
}

Octets Sum(const Octets& one, const Octets& other) {
  Octets sum{};
  unsigned carry = 0;
  for (std::size_t i = sum.size(); i-- > 0;) {
    carry += one[i] + other[i];
    sum[i] = static_cast<std::uint8_t>(carry);
    carry >>= 8U;
  }
  return sum;
}

TEST(Curve, LiftsCoordinatesAndNothingElse) {
  Curve curve;
  int coordinates = 0;
  for (std::uint8_t x = 1; x < 40; ++x) {
    const bool lifted = curve.Lift(Small(x)) != nullptr;
    EXPECT_TRUE(curve.good());
    if (lifted) ++coordinates;
    // The same number modulo p, and other octets.
    EXPECT_EQ(curve.Lift(Sum(kP, Small(x))), nullptr);
    EXPECT_TRUE(curve.good());
  }
  EXPECT_GT(coordinates, 10);
  EXPECT_LT(coordinates, 30);
  EXPECT_EQ(curve.Lift(kP), nullptr);
}

TEST(Curve, LiftsEachPointOrItsOpposite) {
  for (int i = 0; i < 20; ++i) {
    const PublicPoint octets = SoftwareKey::Generate()->point();
    Curve curve;
    const auto point = curve.From(octets);
    auto opposite = curve.Copy(point);
    curve.Negate(opposite);
    const auto lifted = curve.Lift(BytesView(octets).subspan(1, 32));
    ASSERT_NE(lifted, nullptr);
    EXPECT_NE(curve.AreEqual(lifted, point), curve.AreEqual(lifted, opposite));
    EXPECT_TRUE(curve.good());
  }
}

TEST(Curve, CombinesAsAddingDoes) {
  Curve curve;
  const auto one = curve.From(SoftwareKey::Generate()->point());
  const auto other = curve.From(SoftwareKey::Generate()->point());
  auto sum = curve.Copy(one);
  for (int i = 1; i < 13; ++i) curve.Add(sum, one);
  for (int i = 0; i < 7; ++i) curve.Add(sum, other);
  EXPECT_TRUE(curve.AreEqual(sum, curve.Combine({13, 7}, {&one, &other})));
  auto twice = curve.Copy(one);
  curve.Double(twice);
  EXPECT_TRUE(curve.AreEqual(twice, curve.Combine({2}, {&one})));
  EXPECT_TRUE(curve.good());
}

TEST(Curve, ScalarsAreOfTheGroupAndDiffer) {
  Curve curve;
  const auto one = curve.RandomScalar();
  const auto other = curve.RandomScalar();
  ASSERT_TRUE(curve.good());
  EXPECT_NE(BN_cmp(one.get(), other.get()), 0);
  const auto product = curve.Multiply(one);
  const auto again = curve.Multiply(one, &product);
  EXPECT_TRUE(curve.good());
  EXPECT_FALSE(curve.AreEqual(product, again));
}

TEST(Curve, SaysWhatIsNoPoint) {
  PublicPoint off = SoftwareKey::Generate()->point();
  off.back() ^= 1;
  Curve curve;
  const auto point = curve.From(off);
  EXPECT_FALSE(curve.good());
}

}  // namespace
}  // namespace acb::hsm
