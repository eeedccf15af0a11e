#include "firmware/base/result.h"

#include <gtest/gtest.h>

#include <memory>

namespace acb {
namespace {

TEST(Result, IsAValueOrAFailure) {
  const Result<int> value = 7;
  ASSERT_TRUE(value);
  EXPECT_EQ(*value, 7);
  const Result<int> failure = Failure(Reason::kReplay, "explained", "detail");
  ASSERT_FALSE(failure);
  EXPECT_EQ(failure.error().reason, Reason::kReplay);
  EXPECT_EQ(failure.error().explanation, "explained");
  EXPECT_EQ(failure.error().detail, "detail");
}

TEST(Result, GivesAMoveOnlyValueAway) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(7);
  const std::unique_ptr<int> taken = *std::move(result);
  EXPECT_EQ(*taken, 7);
}

TEST(Result, DoesNotLetAFailurePassForAValue) {
  const Result<int> failure = Failure(Reason::kReplay);
  EXPECT_THROW((void)failure.value(), std::bad_variant_access);
  const Result<int> value = 7;
  EXPECT_THROW((void)value.error(), std::bad_variant_access);
}

TEST(Status, IsDoneOrAFailure) {
  const Status done = Done{};
  EXPECT_TRUE(done);
  const Status failed = Failure(Reason::kBusy);
  EXPECT_FALSE(failed);
}

}  // namespace
}  // namespace acb
