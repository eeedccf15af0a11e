#include "firmware/checks/proposed_counter.h"

#include <gtest/gtest.h>

namespace acb::checks {
namespace {

Reason Refusal(std::string_view header) {
  const auto read = ReadProposedCounter(header);
  EXPECT_FALSE(read) << header;
  return read ? Reason::kBusy : read.error().reason;
}

TEST(ProposedCounter, IsNothingWithoutTheHeader) {
  const auto read = ReadProposedCounter(std::nullopt);
  ASSERT_TRUE(read);
  EXPECT_FALSE(read->has_value());
}

TEST(ProposedCounter, TakesTheWholeRangeOfACounter) {
  EXPECT_EQ((**ReadProposedCounter("1")).value(), 1u);
  EXPECT_EQ((**ReadProposedCounter("9223372036854775807")).value(), kMaxSeqNumber);
}

TEST(ProposedCounter, RefusesZeroAndWhatIsAboveTheRangeWithTheirOwnReasons) {
  EXPECT_EQ(Refusal("0"), Reason::kCounterRegression);
  EXPECT_EQ(Refusal("9223372036854775808"), Reason::kCounterLimit);
  EXPECT_EQ(Refusal("10560878642999590912"), Reason::kCounterLimit);  // R-NOW-2's own example
}

TEST(ProposedCounter, RefusesWhatIsNoNumberOf64Bits) {
  for (const char* text :
       {"", " 1", "1 ", "+1", "-1", "01", "1e3", "0x10", "18446744073709551616"}) {
    EXPECT_EQ(Refusal(text), Reason::kMalformed);
  }
}

}  // namespace
}  // namespace acb::checks
