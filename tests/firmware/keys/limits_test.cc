// R-SEC3-21: limits of a pair of ACB keys by age and by operations, a warning before each.
#include "firmware/keys/limits.h"

#include <gtest/gtest.h>

namespace acb::keys {
namespace {

constexpr std::int64_t kDay = 86'400'000;
constexpr UtcTime kSince{1'700'000'000'000};
constexpr UtcTime After(std::int64_t milliseconds) {
  return UtcTime(kSince.milliseconds() + milliseconds);
}
constexpr Limits kHundred{.max_age = std::chrono::days(10), .max_operations = 100};

TEST(KeyLimits, LetsAKeySignUpToItsLastMillisecondAndNoLonger) {
  EXPECT_TRUE(CheckAge(kSince, After(10 * kDay - 1), kHundred));
  const Status old = CheckAge(kSince, After(10 * kDay), kHundred);
  ASSERT_FALSE(old);
  EXPECT_EQ(old.error().reason, Reason::kKeyLimit);
  EXPECT_NE(old.error().explanation.find("10 days"), std::string::npos);
}

TEST(KeyLimits, LetsAKeySignAsOftenAsTheLimitAndNoMore) {
  EXPECT_TRUE(CheckOperations(99, kHundred.Operations()));
  const Status used = CheckOperations(100, kHundred.Operations());
  ASSERT_FALSE(used);
  EXPECT_EQ(used.error().reason, Reason::kKeyLimit);
  EXPECT_FALSE(CheckOperations(101, kHundred.Operations()));
}

TEST(KeyLimits, WarnsFromNineTenthsOfTheOperationsOn) {
  const auto standing = [](std::uint64_t operations) {
    return StandingOf({.in_use_since = kSince, .operations = operations}, After(0), kHundred);
  };
  EXPECT_EQ(standing(89), Standing::kGood);
  EXPECT_EQ(standing(90), Standing::kWarning);
  EXPECT_EQ(standing(99), Standing::kWarning);
  EXPECT_EQ(standing(100), Standing::kReached);
}

TEST(KeyLimits, WarnsFromNineTenthsOfTheAgeOn) {
  const auto standing = [](std::int64_t age) {
    return StandingOf({.in_use_since = kSince, .operations = 0}, After(age), kHundred);
  };
  EXPECT_EQ(standing(9 * kDay - 1), Standing::kGood);
  EXPECT_EQ(standing(9 * kDay), Standing::kWarning);
  EXPECT_EQ(standing(10 * kDay - 1), Standing::kWarning);
  EXPECT_EQ(standing(10 * kDay), Standing::kReached);
}

TEST(KeyLimits, TakesTheWorseOfAgeAndOperations) {
  EXPECT_EQ(StandingOf({.in_use_since = kSince, .operations = 100}, After(9 * kDay), kHundred),
            Standing::kReached);
  EXPECT_EQ(StandingOf({.in_use_since = kSince, .operations = 90}, After(0), kHundred),
            Standing::kWarning);
}

TEST(KeyLimits, MakesNoKeyOlderByAClockThatWasSetBack) {
  EXPECT_TRUE(CheckAge(kSince, After(-100 * kDay), kHundred));
  EXPECT_EQ(StandingOf({.in_use_since = kSince}, After(-100 * kDay), kHundred), Standing::kGood);
}

TEST(KeyLimits, WarnsOfTheVeryFirstOperationWhereTheLimitIsOne) {
  const Limits one{.max_operations = 1, .warn_percent = 1};
  EXPECT_EQ(one.Operations().warn_at, 1u);
  const Limits most{.max_age = std::chrono::days(Limits::kMostDays),
                    .max_operations = Limits::kMostOperations,
                    .warn_percent = 99};
  EXPECT_EQ(most.Operations().warn_at, 990'000'000u);
  EXPECT_LT(most.WarningAge(), most.max_age);
}

}  // namespace
}  // namespace acb::keys
