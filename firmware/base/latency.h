// How often something took how long, for a histogram of metrics. Measured by whoever has a clock.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace acb {

// Thread-safe; an observation is three additions, in no lock.
class LatencyHistogram {
 public:
  // Upper ends of the buckets; above the last there is one more.
  static constexpr std::array<std::chrono::microseconds, 16> kBounds = {
      std::chrono::microseconds(100),       std::chrono::microseconds(250),
      std::chrono::microseconds(500),       std::chrono::microseconds(1'000),
      std::chrono::microseconds(2'500),     std::chrono::microseconds(5'000),
      std::chrono::microseconds(10'000),    std::chrono::microseconds(25'000),
      std::chrono::microseconds(50'000),    std::chrono::microseconds(100'000),
      std::chrono::microseconds(250'000),   std::chrono::microseconds(500'000),
      std::chrono::microseconds(1'000'000), std::chrono::microseconds(2'500'000),
      std::chrono::microseconds(5'000'000), std::chrono::microseconds(10'000'000)};

  void Observe(std::chrono::nanoseconds took) {
    std::size_t bucket = 0;
    while (bucket < kBounds.size() && took > kBounds[bucket]) ++bucket;
    buckets_[bucket].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(static_cast<std::uint64_t>(took.count() > 0 ? took.count() : 0),
                   std::memory_order_relaxed);
  }

  struct Counts {
    std::array<std::uint64_t, kBounds.size() + 1> buckets{};  // each alone, not added up
    std::chrono::nanoseconds sum{0};
  };
  Counts counts() const {
    Counts counts;
    for (std::size_t i = 0; i < counts.buckets.size(); ++i) {
      counts.buckets[i] = buckets_[i].load(std::memory_order_relaxed);
    }
    counts.sum =
        std::chrono::nanoseconds(static_cast<std::int64_t>(sum_.load(std::memory_order_relaxed)));
    return counts;
  }

 private:
  std::array<std::atomic<std::uint64_t>, kBounds.size() + 1> buckets_{};
  std::atomic<std::uint64_t> sum_{0};  // nanoseconds: full after 584 years
};

}  // namespace acb
