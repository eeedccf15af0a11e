// Whether the HSM may be asked at all: open once the device behind the module has failed, so that
// whoever needs it is refused at once instead of waiting for it too (reliability.md F6).
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

#include "firmware/base/result.h"

namespace acb::hsm {

// Device errors in a row, with no key that worked between them, that open the breaker: one
// alone may be the module's stumbling (ecosystem.md section 3, quirk 2).
inline constexpr std::uint64_t kErrorsToOpen = 3;
// Errors of sessions that go on for so long, with no key that worked between them, open it too. A
// session that is lost takes those of its time with it, at once; those opened in their place work,
// or the module needs what only a probe does.
inline constexpr std::chrono::milliseconds kSessionErrorsToOpen{1000};
// Those that are further apart say nothing of each other: HSMs close sessions that nobody used.
inline constexpr std::chrono::seconds kSessionErrorsApart{60};

// Thread-safe; nothing blocks. Errors of a request (ReturnClass::kRequestError) never come here.
class Breaker {
 public:
  // Told of each change, outside the lock: open and why, or closed and nothing.
  using OnChange = std::function<void(bool open, const std::string& why)>;
  explicit Breaker(OnChange on_change) : on_change_(std::move(on_change)) {}

  // kHsmUnavailable while open; the explanation says why. One atomic read while closed.
  Status Check() const;
  bool open() const { return open_.load(std::memory_order_relaxed); }
  std::string why() const;

  // The module said that the device failed, or gave a result that is wrong.
  void NoteDeviceError(const std::string& what);
  // A session was of no use, or none was to be had.
  void NoteSessionError(const std::string& what);
  // A key worked. While open this is not enough: only Close closes it.
  void NoteGood();
  // At once: a call hangs, or the PIN was refused.
  void Open(const std::string& why);
  // A probe failed, and why: it need not be what opened it. why() tells both.
  void StayOpen(const std::string& what);
  // After a probe that did the whole work.
  void Close();

  std::uint64_t times_opened() const { return times_opened_.load(std::memory_order_relaxed); }
  std::uint64_t device_errors() const { return device_errors_.load(std::memory_order_relaxed); }

 private:
  const OnChange on_change_;
  std::atomic<bool> open_{false};
  std::atomic<std::uint64_t> in_a_row_{0};
  std::atomic<bool> session_errors_{false};
  std::atomic<std::uint64_t> times_opened_{0};
  std::atomic<std::uint64_t> device_errors_{0};
  mutable std::mutex mutex_;
  std::chrono::steady_clock::time_point first_session_error_;  // of the row
  std::chrono::steady_clock::time_point last_session_error_;
  std::string why_;
  std::string latest_;  // what the last probe found, where that is something else
};

}  // namespace acb::hsm
