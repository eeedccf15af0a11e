// The watchdog's heartbeat: only while there is progress.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "platform/log.h"

namespace acb::platform {

class Box;
class HttpsServer;
class ServiceManager;

// One thing that has to go on: a count that goes up while it does.
class Progress {
 public:
  using Clock = std::chrono::steady_clock;
  explicit Progress(Clock::time_point now) : since_(now) {}
  // How long the count has stood still.
  Clock::duration StillFor(std::uint64_t count, Clock::time_point now) {
    if (count != last_) {
      last_ = count;
      since_ = now;
    }
    return now - since_;
  }

 private:
  std::uint64_t last_ = 0;
  Clock::time_point since_;
};

// A long job of the store (an import of a hundred million rows, an operator's act) is progress for
// so long, and no longer.
inline constexpr std::chrono::hours kLongestJob{4};

// Tells the service manager that the service is alive, a few times in each of its intervals, as
// long as the thread that takes connections in and the store's writer go round: what cannot do
// either is not alive, however well this thread is. Where either stands still for the whole
// interval it says what does, and the service manager ends and restarts the service. Without a
// watchdog it does nothing. One thread.
class Heartbeat {
 public:
  Heartbeat(ServiceManager& manager, const HttpsServer& server, Box* box, const Log& log);
  void Beat();

 private:
  std::optional<std::string> WhatStands(Progress::Clock::time_point now);

  ServiceManager& manager_;
  const HttpsServer& server_;
  Box* const box_;
  const Log& log_;
  Progress connections_;
  Progress writer_;
  Progress::Clock::time_point next_;
  bool failed_ = false;
};

}  // namespace acb::platform
