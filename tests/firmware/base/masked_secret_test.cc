#include "firmware/base/masked_secret.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

namespace acb {
namespace {

constexpr std::size_t kSize = 32;

Secret Counting() {
  Secret secret(kSize);
  std::uint8_t next = 1;
  std::ranges::generate(secret.Writable(), [&next] { return next++; });
  return secret;
}

bool AreEqual(const Secret& one, const Secret& other) {
  return std::ranges::equal(one.View(), other.View());
}

TEST(MaskedSecret, GivesTheSecretAsOftenAsAsked) {
  const MaskedSecret kept = Counting();
  EXPECT_EQ(kept.size(), kSize);
  EXPECT_TRUE(AreEqual(kept.Reveal(), Counting()));
  EXPECT_TRUE(AreEqual(kept.Reveal(), Counting()));
}

TEST(MaskedSecret, MovesAndLeavesNothingBehind) {
  MaskedSecret kept = Counting();
  const MaskedSecret moved = std::move(kept);
  EXPECT_TRUE(AreEqual(moved.Reveal(), Counting()));
  EXPECT_EQ(kept.size(), 0u);  // NOLINT(bugprone-use-after-move): that is what is promised
  EXPECT_EQ(kept.Reveal().size(), 0u);
}

TEST(MaskedSecret, CanBeEmpty) {
  EXPECT_EQ(MaskedSecret().size(), 0u);
  EXPECT_EQ(MaskedSecret(Secret(0)).Reveal().size(), 0u);
}

}  // namespace
}  // namespace acb
