// How much processor time handshakes may take (platform/handshake_budget.h).
#include "platform/handshake_budget.h"

#include <gtest/gtest.h>

namespace acb::platform {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr HandshakeBudget::Span kNow{0};
constexpr double kQuarter = 0.25;

// How many handshakes of this cost begin in the time, one after the other.
int Count(HandshakeBudget& budget, HandshakeBudget::Time from, seconds span, milliseconds cost) {
  int count = 0;
  auto now = from;
  while (now < from + span) {
    const auto wait = budget.Wait(now);
    now += wait;
    if (wait != kNow || now >= from + span) continue;
    budget.Begin();
    budget.End(cost);
    ++count;
  }
  return count;
}

TEST(HandshakeBudget, LetsTheFirstOnesBeginAtOnceAndThenNoMore) {
  const HandshakeBudget::Time start{};
  HandshakeBudget budget(kQuarter, start);
  int begun = 0;
  while (budget.Wait(start) == kNow && begun < 1000) {
    budget.Begin();
    ++begun;
  }
  EXPECT_EQ(begun, 100);  // 100 ms, one each
  EXPECT_EQ(budget.Wait(start), milliseconds(4));
  EXPECT_EQ(budget.Wait(start + milliseconds(4)), kNow);
}

TEST(HandshakeBudget, KeepsToItsShareOfTheTimeWhateverAHandshakeCosts) {
  for (const int cost : {1, 2, 10, 40}) {
    const HandshakeBudget::Time start{};
    HandshakeBudget budget(kQuarter, start);
    const int count = Count(budget, start, seconds(100), milliseconds(cost));
    // 25 s, and what had been saved before.
    EXPECT_LE(count * cost, 25'000 + 100 + 8 * cost) << cost;
    EXPECT_GE(count * cost, 25'000 - 8 * cost) << cost;
  }
}

// Connections that end at once make the next ones look cheap; then many begin before the first one
// has shown what it costs.
TEST(HandshakeBudget, KeepsToItsShareWhenManyCostMoreThanExpected) {
  constexpr milliseconds kCost{2};
  const HandshakeBudget::Time start{};
  HandshakeBudget::Time now = start;
  HandshakeBudget budget(kQuarter, now);
  HandshakeBudget::Span spent{0};
  const auto begin = [&] {
    for (auto wait = budget.Wait(now); wait > kNow; wait = budget.Wait(now)) now += wait;
    budget.Begin();
  };
  while (now < start + seconds(100)) {
    for (int i = 0; i < 30; ++i) {
      begin();
      budget.End(kNow);
      spent += std::chrono::microseconds(100);
    }
    for (int i = 0; i < 64; ++i) begin();
    for (int i = 0; i < 64; ++i) budget.End(kCost);
    spent += 64 * kCost;
    now += milliseconds(1);
  }
  EXPECT_LE(spent, (now - start) * 27 / 100);
}

TEST(HandshakeBudget, SavesNoMoreThanItsMost) {
  const HandshakeBudget::Time start{};
  HandshakeBudget budget(kQuarter, start);
  int begun = 0;
  while (budget.Wait(start + hours(1000)) == kNow && begun < 1000) {
    budget.Begin();
    ++begun;
  }
  EXPECT_EQ(begun, 100);
}

TEST(HandshakeBudget, GivesBackWhatACutHandshakeDidNotCost) {
  const HandshakeBudget::Time start{};
  HandshakeBudget budget(kQuarter, start);
  for (int i = 0; i < 100; ++i) budget.Begin();
  EXPECT_NE(budget.Wait(start), kNow);
  for (int i = 0; i < 100; ++i) budget.End(kNow);
  EXPECT_EQ(budget.Wait(start), kNow);
}

}  // namespace
}  // namespace acb::platform
