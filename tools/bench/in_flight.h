// Keeps a number of operations under way for a time, one thread each, and says how many were done.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "firmware/base/result.h"

namespace acb::bench {

inline constexpr std::size_t kMaxInFlight = 256;

struct Rate {
  double per_s = 0;
  // Of one operation, as the thread that did it saw it.
  double median_ms = 0;
  double p99_ms = 0;
};

// Calls `once` from `threads` (1 .. kMaxInFlight) threads, closed loop, until `seconds` have
// passed; each call gets the number of its thread. Ends what is under way and fails with the first
// failure. kConfiguration: another number of threads, or nothing was done in that time.
Result<Rate> RunInFlight(std::size_t threads, double seconds,
                         const std::function<Status(std::size_t thread)>& once);

// Of operations that took so long each, in `seconds` together. kConfiguration: none.
Result<Rate> RateOf(std::vector<double> taken_ms, double seconds);

// `failure` as a line for stderr.
std::string Explain(const Failure& failure);

}  // namespace acb::bench
