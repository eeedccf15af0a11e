#include "tools/acb-verify/counters.h"

#include <gtest/gtest.h>

namespace acb::verify {
namespace {

constexpr const char* kDevice = "00-DB-12-34-56-78-90-A3";
constexpr const char* kOther = "00-DB-12-34-56-78-90-A4";

audit::Object Entry(const char* kind, std::uint64_t counter, const char* device = kDevice) {
  return {{"kind", kind}, {"device", device}, {"originator_counter", std::to_string(counter)}};
}

TEST(CountersOfALog, RiseForEachDeviceOnItsOwn) {
  Counters counters;
  EXPECT_TRUE(counters.See(Entry("signed", 10)));
  EXPECT_TRUE(counters.See(Entry("abandoned", 11)));
  EXPECT_TRUE(counters.See(Entry("signed", 5, kOther)));
  EXPECT_TRUE(counters.See(Entry("reserved-elsewhere", 20)));
  EXPECT_EQ(counters.seen(), 4U);
  EXPECT_EQ(counters.devices(), 2U);
}

TEST(CountersOfALog, AreUsedOnce) {
  for (const char* first : {"signed", "abandoned", "reserved-elsewhere"}) {
    for (const char* second : {"signed", "abandoned", "reserved-elsewhere"}) {
      Counters counters;
      EXPECT_TRUE(counters.See(Entry(first, 10)));
      EXPECT_EQ(counters.See(Entry(second, 10)).error().reason, Reason::kCounterRegression)
          << first << " " << second;
      EXPECT_TRUE(counters.See(Entry(second, 11)));
    }
  }
}

TEST(CountersOfALog, DoNotFall) {
  Counters counters;
  EXPECT_TRUE(counters.See(Entry("signed", 10)));
  EXPECT_FALSE(counters.See(Entry("signed", 9)));
  EXPECT_FALSE(counters.See(Entry("abandoned", 9)));
  EXPECT_FALSE(counters.See(Entry("reserved-elsewhere", 9)));
  EXPECT_TRUE(counters.See(Entry("reserved-elsewhere", 20)));
  EXPECT_FALSE(counters.See(Entry("reserved-elsewhere", 19)));
}

// A handover was reserved, a counter given out for another command, then the handover signed.
TEST(CountersOfALog, MayBeAnsweredAfterOneThatWasGivenOutMeanwhile) {
  Counters counters;
  EXPECT_TRUE(counters.See(Entry("reserved-elsewhere", 11)));
  EXPECT_TRUE(counters.See(Entry("reserved-elsewhere", 12)));
  EXPECT_TRUE(counters.See(Entry("signed", 10)));
  EXPECT_EQ(counters.See(Entry("signed", 12)).error().reason, Reason::kCounterRegression);
  EXPECT_FALSE(counters.See(Entry("reserved-elsewhere", 11)));
  EXPECT_TRUE(counters.See(Entry("signed", 13)));
}

TEST(CountersOfALog, AreNamedByTheEntriesThatSpendOne) {
  Counters counters;
  EXPECT_EQ(counters.See({{"kind", "signed"}}).error().reason, Reason::kMalformed);
  EXPECT_FALSE(counters.See(Entry("signed", 0)));
  EXPECT_TRUE(counters.See({{"kind", "refused"}}));
  EXPECT_EQ(counters.seen(), 0U);
}

}  // namespace
}  // namespace acb::verify
