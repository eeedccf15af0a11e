#include "tools/acb-verify/request_ids.h"

#include <gtest/gtest.h>

#include <string>

namespace acb::verify {
namespace {

TEST(RequestIdsOfALog, AreSignedOnce) {
  RequestIds ids;
  for (std::uint64_t i = 0; i < 1000; ++i) ids.Add("A:B:" + std::to_string(i), i);
  EXPECT_TRUE(ids.SignedAgain().empty());
}

TEST(RequestIdsOfALog, ThatAreSignedAgainAreNamedInOrderEachWithTheOneBefore) {
  RequestIds ids;
  ids.Add("A:B:2", 4);
  ids.Add("A:B:1", 5);
  ids.Add("A:B:1", 7);
  ids.Add("A:B:2", 6);
  ids.Add("A:B:1", 9);
  const auto again = ids.SignedAgain();
  ASSERT_EQ(again.size(), 3U);
  EXPECT_EQ(again[0].index, 6U);
  EXPECT_EQ(again[0].before, 4U);
  EXPECT_EQ(again[1].index, 7U);
  EXPECT_EQ(again[1].before, 5U);
  EXPECT_EQ(again[2].index, 9U);
  EXPECT_EQ(again[2].before, 7U);
}

}  // namespace
}  // namespace acb::verify
