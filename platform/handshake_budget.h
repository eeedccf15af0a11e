// How much processor time TLS handshakes may take: a crowd that connects again and again must not
// take it from those who are served (a handshake costs as much as ten handovers).
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>

namespace acb::platform {

// Thread-safe. Time is the caller's.
class HandshakeBudget {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Span = std::chrono::nanoseconds;

  // `processors`: how many of them handshakes may keep busy for good, say 0.25. More than zero.
  HandshakeBudget(double processors, Time now);

  // How long until the next handshake may begin; zero: now.
  Span Wait(Time now);
  // One begins: what it is expected to cost is set aside.
  void Begin();
  // One is over, whatever became of it, and has cost so much.
  void End(Span cost);

 private:
  const double processors_;
  std::mutex mutex_;
  Time refilled_;
  Span balance_;
  Span expected_;
  std::int64_t under_way_ = 0;
};

}  // namespace acb::platform
