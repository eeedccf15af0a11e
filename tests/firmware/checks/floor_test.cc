#include "firmware/checks/floor.h"

#include <gtest/gtest.h>

#include "tests/fakes/fake_records.h"

namespace acb::checks {
namespace {

constexpr std::uint64_t kLimit = std::uint64_t{1} << 48;
const Policy kPolicy{.requested_floor_limit = kLimit};

duis::HandoverRequest With(std::optional<std::uint64_t> floor,
                           std::optional<std::uint64_t> top_up) {
  duis::HandoverRequest request{.request_id = {testing::kSupplierUser, testing::kEsme, 1}};
  if (floor) request.floor = FloorSeqNumber::From(*floor);
  if (top_up) request.prepayment_top_up_floor = FloorSeqNumber::From(*top_up);
  return request;
}

TEST(RequestedFloor, AcceptsUpToTheLimitAndRefusesAbove) {
  EXPECT_TRUE(CheckRequestedFloor(With(kLimit, 0), kPolicy));
  const auto above = CheckRequestedFloor(With(kLimit + 1, 0), kPolicy);
  ASSERT_FALSE(above);
  EXPECT_EQ(above.error().reason, Reason::kFloorLimit);
}

TEST(RequestedFloor, LimitsTheTopUpFloorToo) {
  EXPECT_TRUE(CheckRequestedFloor(With(0, kLimit), kPolicy));
  EXPECT_FALSE(CheckRequestedFloor(With(0, kMaxSeqNumber), kPolicy));
}

TEST(RequestedFloor, MakesAnAbsentFloorVisible) {
  const auto absent = CheckRequestedFloor(With(std::nullopt, std::nullopt), kPolicy);
  ASSERT_TRUE(absent);
  EXPECT_EQ(*absent, std::vector<std::string>{"FLOOR_ABSENT"});
  EXPECT_TRUE(CheckRequestedFloor(With(0, std::nullopt), kPolicy)->empty());
}

TEST(RequestedFloor, IsRefusedWhenAbsentWhereThePolicySaysSo) {
  Policy strict = kPolicy;
  strict.refuse_absent_floor = true;
  const auto absent = CheckRequestedFloor(With(std::nullopt, std::nullopt), strict);
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().reason, Reason::kFloorLimit);
  EXPECT_TRUE(CheckRequestedFloor(With(0, std::nullopt), strict));
}

}  // namespace
}  // namespace acb::checks
