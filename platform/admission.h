// How much of one kind of work is done at once, and who waits for it (design.md section 6).
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>

#include "platform/router.h"

namespace acb::platform {

struct AdmissionLimits {
  std::size_t at_once = 64;
  std::size_t waiting = 256;                 // beyond those at once
  std::chrono::milliseconds patience{1000};  // of one that waits
};

// Refusals of requests that found no room are so far apart, unless one would wait for longer than
// kLongestRefusal: whoever asks again at once is slowed down, so that a crowd's refusals take a few
// per cent of one processor and not what the work needs.
inline constexpr std::chrono::milliseconds kRefusalInterval{4};
inline constexpr std::chrono::milliseconds kLongestRefusal{2000};

// Thread-safe. Work beyond `at_once` waits in the order of its arrival. When all places are taken
// the newest arrivals are refused, and who has waited for the patience: 503 BUSY with Retry-After,
// before anything was done or recorded, over a connection that stays open.
class Admission {
 public:
  explicit Admission(AdmissionLimits limits);

  // The handler's answer, or the refusal. Blocks for the patience or kLongestRefusal at most, and
  // while the handler runs.
  HttpResponse Serve(const Handler& handler, const HttpRequest& request);
  // `handler` behind this, which lives as long as what it gives.
  static Handler Behind(const std::shared_ptr<Admission>& admission, Handler handler);

  struct Counts {
    std::uint64_t in_work = 0;
    std::uint64_t waiting = 0;
    std::uint64_t shed_full = 0;  // found no place
    std::uint64_t shed_late = 0;  // waited in vain
  };
  Counts counts() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Waiter {
    bool admitted = false;
    std::condition_variable turn;
  };
  enum class Entry { kAdmitted, kFull, kLate };

  Entry Enter(Clock::time_point& refused_at);
  void Leave();

  const AdmissionLimits limits_;
  mutable std::mutex mutex_;  // guards what follows
  std::size_t in_work_ = 0;
  std::deque<Waiter*> waiting_;
  Clock::time_point next_refusal_{};
  std::uint64_t shed_full_ = 0;
  std::uint64_t shed_late_ = 0;
};

// Lines of the Prometheus text format: acb_work_in_progress, acb_work_waiting and acb_shed_total.
std::string AdmissionMetrics(const Admission& handovers, const Admission& observations);

}  // namespace acb::platform
