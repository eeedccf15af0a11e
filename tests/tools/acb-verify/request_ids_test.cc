#include "tools/acb-verify/request_ids.h"

#include <gtest/gtest.h>

#include <string>

namespace acb::verify {
namespace {

TEST(RequestIdsOfALog, AreSignedOnce) {
  RequestIds ids;
  for (std::uint64_t i = 0; i < 1000; ++i) ids.Add("A:B:" + std::to_string(i), i, i);
  EXPECT_TRUE(ids.SignedAgain().empty());
}

TEST(RequestIdsOfALog, ThatAreSignedAgainAreNamedInOrderEachWithTheOneBefore) {
  RequestIds ids;
  ids.Add("A:B:2", 4, 1);
  ids.Add("A:B:1", 5, 2);
  ids.Add("A:B:1", 7, 3);
  ids.Add("A:B:2", 6, 1);
  ids.Add("A:B:1", 9, 4);
  const auto again = ids.SignedAgain();
  ASSERT_EQ(again.size(), 3U);
  EXPECT_EQ(again[0].index, 6U);
  EXPECT_EQ(again[0].before, 4U);
  EXPECT_EQ(again[1].index, 7U);
  EXPECT_EQ(again[1].before, 5U);
  EXPECT_EQ(again[2].index, 9U);
  EXPECT_EQ(again[2].before, 7U);
  EXPECT_FALSE(again[0].rises);
  EXPECT_TRUE(again[1].rises);
  for (const auto& each : again) EXPECT_FALSE(each.recovery);
}

// P5: entries 3 to 9 came back from an export, without their answers.
TEST(RequestIdsOfALog, MayBeDecidedAnewOnceAfterTheRecoveryThatBroughtTheirEntriesBack) {
  RequestIds ids;
  ids.Add("had its answer", 2, 1);
  ids.Add("came back first", 3, 2);
  ids.Add("came back last", 9, 3);
  ids.Add("twice before", 4, 4);
  ids.Add("twice before", 5, 5);
  ids.SeeRecovery(10, 7);
  ids.Add("had its answer", 11, 1001);
  ids.Add("came back first", 12, 1002);
  ids.Add("came back last", 13, 1003);
  ids.Add("came back last", 14, 1004);
  ids.SeeRecovery(15, 0);
  const auto again = ids.SignedAgain();
  ASSERT_EQ(again.size(), 5U);
  EXPECT_FALSE(again[0].recovery) << "both came back";
  EXPECT_EQ(again[1].index, 11U);
  EXPECT_FALSE(again[1].recovery) << "its answer was never lost";
  EXPECT_EQ(again[2].recovery, 10U);
  EXPECT_EQ(again[3].recovery, 10U);
  EXPECT_EQ(again[4].before, 13U);
  EXPECT_FALSE(again[4].recovery) << "a recovery behind the second is none between the two";
}

TEST(RequestIdsOfALog, AreNotExcusedByARecoveryThatBroughtNothingBack) {
  RequestIds ids;
  ids.Add("A:B:1", 5, 1);
  ids.SeeRecovery(6, 0);  // with a base
  ids.Add("A:B:1", 7, 2);
  ASSERT_EQ(ids.SignedAgain().size(), 1U);
  EXPECT_FALSE(ids.SignedAgain().front().recovery);
}

}  // namespace
}  // namespace acb::verify
