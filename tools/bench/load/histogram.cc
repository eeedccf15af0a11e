#include "tools/bench/load/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace acb::bench {

// Below 2^kStepBits each value has a bucket; above, the bits after the leading one choose it.
std::size_t Histogram::BucketOf(std::uint64_t nanoseconds) {
  if (nanoseconds < kSteps) return nanoseconds;
  const unsigned octave = static_cast<unsigned>(std::bit_width(nanoseconds)) - 1;
  const std::uint64_t step = (nanoseconds >> (octave - kStepBits)) - kSteps;
  return (octave - kStepBits + 1) * kSteps + step;
}

std::uint64_t Histogram::TopOf(std::size_t bucket) {
  if (bucket < kSteps) return bucket;
  const unsigned shift = static_cast<unsigned>(bucket / kSteps) - 1;
  return ((bucket % kSteps + kSteps + 1) << shift) - 1;
}

void Histogram::Add(Time time) {
  const Time bounded = std::clamp<Time>(time, Time{0}, std::chrono::hours(1));
  ++buckets_[BucketOf(static_cast<std::uint64_t>(bounded.count()))];
  ++count_;
  max_ = std::max(max_, bounded);
}

Histogram::Time Histogram::Percentile(double share) const {
  if (count_ == 0) return Time{0};
  const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_)));
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
    seen += buckets_[bucket];
    if (seen >= wanted && seen != 0) {
      return std::min(max_, Time{static_cast<Time::rep>(TopOf(bucket))});
    }
  }
  return max_;
}

}  // namespace acb::bench
