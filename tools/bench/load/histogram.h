// Times in buckets whose width is a 128th of their value: percentiles right to 0.8 % in constant
// memory (as HdrHistogram has them).
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

namespace acb::bench {

class Histogram {
 public:
  using Time = std::chrono::nanoseconds;

  // Negative counts as none, more than an hour as an hour.
  void Add(Time time);

  std::uint64_t count() const { return count_; }
  Time max() const { return max_; }
  // The least value that `share` (0 to 1) of all are not above; zero when there is none.
  Time Percentile(double share) const;

 private:
  static constexpr unsigned kStepBits = 7;  // buckets an octave: 128
  static constexpr std::uint64_t kSteps = 1U << kStepBits;
  static constexpr unsigned kOctaves = 43;  // 2^42 ns are more than an hour
  static std::size_t BucketOf(std::uint64_t nanoseconds);
  static std::uint64_t TopOf(std::size_t bucket);

  std::array<std::uint64_t, (kOctaves - kStepBits + 1) * kSteps> buckets_{};
  std::uint64_t count_ = 0;
  Time max_{0};
};

}  // namespace acb::bench
