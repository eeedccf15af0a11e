#include "tools/bench/in_flight.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace acb::bench {
namespace {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

struct Worked {
  std::vector<double> taken_ms;
  std::optional<Failure> failure;
};

double Quantile(const std::vector<double>& sorted, double share) {
  return sorted[std::min(sorted.size() - 1,
                         static_cast<std::size_t>(share * static_cast<double>(sorted.size())))];
}

}  // namespace

Result<Rate> RunInFlight(std::size_t threads, double seconds,
                         const std::function<Status(std::size_t thread)>& once) {
  if (threads < 1 || threads > kMaxInFlight) return Failure(Reason::kConfiguration, "in flight");
  std::vector<Worked> done(threads);
  std::atomic<bool> stop = false;
  const Clock::time_point began = Clock::now();
  {
    std::vector<std::jthread> running;
    for (std::size_t i = 0; i < threads; ++i) {
      running.emplace_back([&once, &stop, i, &mine = done[i]] {
        do {
          const Clock::time_point at = Clock::now();
          if (Status one = once(i); !one) {
            mine.failure = std::move(one).error();
            stop = true;
            return;
          }
          mine.taken_ms.push_back(Milliseconds(Clock::now() - at).count());
        } while (!stop.load(std::memory_order_relaxed));
      });
    }
    const auto end = began + std::chrono::duration<double>(seconds);
    while (!stop && Clock::now() < end) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    stop = true;
  }
  const std::chrono::duration<double> taken = Clock::now() - began;
  std::vector<double> all;
  for (Worked& one : done) {
    if (one.failure) return *std::move(one.failure);
    all.insert(all.end(), one.taken_ms.begin(), one.taken_ms.end());
  }
  return RateOf(std::move(all), taken.count());
}

Result<Rate> RateOf(std::vector<double> taken_ms, double seconds) {
  if (taken_ms.empty()) return Failure(Reason::kConfiguration, "nothing was done in that time");
  std::ranges::sort(taken_ms);
  return Rate{static_cast<double>(taken_ms.size()) / seconds, Quantile(taken_ms, 0.5),
              Quantile(taken_ms, 0.99)};
}

std::string Explain(const Failure& failure) {
  return std::string(Describe(failure.reason).name) + ": " + failure.explanation + " " +
         failure.detail;
}

}  // namespace acb::bench
