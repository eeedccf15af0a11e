// The percentiles of the load driver (tools/bench/load/histogram.h).
#include "tools/bench/load/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace acb::bench {
namespace {

using std::chrono::hours;
using std::chrono::nanoseconds;

TEST(LatencyHistogram, HasNothingToSayOfNothing) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0U);
  EXPECT_EQ(histogram.max(), nanoseconds(0));
  EXPECT_EQ(histogram.Percentile(0.5), nanoseconds(0));
}

TEST(LatencyHistogram, IsExactForSmallTimesAndForTheGreatest) {
  Histogram histogram;
  for (int i = 1; i <= 100; ++i) histogram.Add(nanoseconds(i));
  EXPECT_EQ(histogram.Percentile(0.5), nanoseconds(50));
  EXPECT_EQ(histogram.Percentile(0.99), nanoseconds(99));
  EXPECT_EQ(histogram.Percentile(1), nanoseconds(100));
  histogram.Add(nanoseconds(123'456'789));
  EXPECT_EQ(histogram.Percentile(1), nanoseconds(123'456'789));
}

// Against the sorted times themselves, from 10 ns to some seconds.
TEST(LatencyHistogram, IsRightToOnePerCentAtEveryShare) {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> exponent(1, 9.7);
  std::vector<std::int64_t> times;
  Histogram histogram;
  for (int i = 0; i < 20'000; ++i) {
    times.push_back(static_cast<std::int64_t>(std::pow(10, exponent(random))));
    histogram.Add(nanoseconds(times.back()));
  }
  std::ranges::sort(times);
  for (const double share : {0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto rank = static_cast<std::size_t>(std::ceil(share * 20'000)) - 1;
    const auto exact = static_cast<double>(times[rank]);
    const auto said = static_cast<double>(histogram.Percentile(share).count());
    EXPECT_GE(said, exact) << share;
    EXPECT_LE(said, exact * 1.01 + 1) << share;
  }
}

TEST(LatencyHistogram, TakesWhatIsOutOfItsRangeForTheNearest) {
  Histogram histogram;
  histogram.Add(nanoseconds(-5));
  EXPECT_EQ(histogram.Percentile(1), nanoseconds(0));
  histogram.Add(hours(5));
  EXPECT_EQ(histogram.Percentile(1), hours(1));
  EXPECT_EQ(histogram.count(), 2U);
}

}  // namespace
}  // namespace acb::bench
