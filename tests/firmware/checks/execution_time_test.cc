#include "firmware/checks/execution_time.h"

#include <gtest/gtest.h>

#include "tests/fakes/fake_records.h"

namespace acb::checks {
namespace {

duis::HandoverRequest With(int variant, const char* execution) {
  duis::HandoverRequest request{.request_id = {testing::kSupplierUser, testing::kEsme, 1},
                                .command_variant = variant};
  if (execution != nullptr) request.execution = UtcTime::FromIso(execution);
  return request;
}

Reason Refusal(const duis::HandoverRequest& request) {
  const Status result = CheckExecutionTime(request);
  EXPECT_FALSE(result);
  return result ? Reason::kBusy : result.error().reason;
}

TEST(ExecutionTime, MayBeAbsentWithEveryVariant) {
  for (const int variant : {1, 2, 3}) EXPECT_TRUE(CheckExecutionTime(With(variant, nullptr)));
}

TEST(ExecutionTime, GoesWithVariantOneOnly) {
  EXPECT_TRUE(CheckExecutionTime(With(1, "2026-11-22T10:00:00Z")));
  EXPECT_EQ(Refusal(With(2, "2026-11-22T10:00:00Z")), Reason::kCommandVariant);
  EXPECT_EQ(Refusal(With(3, "2026-11-22T10:00:00Z")), Reason::kCommandVariant);
}

TEST(ExecutionTime, IsNeverTheValueThatCancels) {
  EXPECT_TRUE(CheckExecutionTime(With(1, "3000-12-30T23:59:59Z")));
  EXPECT_EQ(Refusal(With(1, "3000-12-31T00:00:00.00Z")), Reason::kMalformed);
  EXPECT_EQ(Refusal(With(1, "9999-12-31T23:59:59Z")), Reason::kMalformed);
}

}  // namespace
}  // namespace acb::checks
