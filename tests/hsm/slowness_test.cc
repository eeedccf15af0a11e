#include "hsm/slowness.h"

#include <gtest/gtest.h>

namespace acb::hsm {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kDeadline{1000};  // slow: from 250 ms on

class SlownessTest : public ::testing::Test {
 protected:
  bool Note(int from, int to) { return slowness_.Note(At(from), At(to)); }
  static Slowness::Time At(int ms) { return Slowness::Time(milliseconds(ms)); }
  Slowness slowness_{kDeadline};
};

TEST_F(SlownessTest, LastsWhenSlowOperationsFollowEachOtherForADeadline) {
  EXPECT_FALSE(Note(0, 400));
  EXPECT_FALSE(Note(400, 800));
  EXPECT_TRUE(Note(800, 1200));
  EXPECT_FALSE(Note(1200, 1600)) << "all begins anew";
  EXPECT_FALSE(Note(1600, 2000));
  EXPECT_TRUE(Note(2000, 2400));
}

TEST_F(SlownessTest, OneAloneIsNotEnoughHoweverLong) {
  EXPECT_FALSE(Note(0, 5000));
  EXPECT_TRUE(Note(5000, 5250));
}

TEST_F(SlownessTest, AQuickOneBetweenThemEndsIt) {
  EXPECT_FALSE(Note(0, 900));
  EXPECT_FALSE(Note(900, 1149)) << "1 ms below what is slow";
  EXPECT_FALSE(Note(1149, 2000));
  EXPECT_FALSE(Note(2000, 2100));
}

TEST_F(SlownessTest, ThoseThatAreFarApartSayNothingOfEachOther) {
  EXPECT_FALSE(Note(0, 400));
  EXPECT_FALSE(Note(1401, 1801));
  EXPECT_FALSE(Note(10'000, 10'400));
}

// A machine that stalls stalls all threads: that is one stall.
TEST_F(SlownessTest, WhatIsSlowAtTheSameTimeCountsOnce) {
  for (int i = 0; i < 16; ++i) EXPECT_FALSE(Note(i, 900));
  EXPECT_TRUE(Note(700, 1001));
}

}  // namespace
}  // namespace acb::hsm
