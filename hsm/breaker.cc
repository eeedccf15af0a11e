#include "hsm/breaker.h"

namespace acb::hsm {

Status Breaker::Check() const {
  if (!open()) return Done{};
  return Failure{Reason::kHsmUnavailable, "the HSM is not asked until it answers again",
                 "not asked, because " + why()};
}

std::string Breaker::why() const {
  const std::scoped_lock lock(mutex_);
  return latest_.empty() ? why_ : why_ + "; now: " + latest_;
}

void Breaker::NoteDeviceError(const std::string& what) {
  device_errors_.fetch_add(1, std::memory_order_relaxed);
  if (in_a_row_.fetch_add(1) + 1 >= kErrorsToOpen) Open(what);
}

void Breaker::NoteSessionError(const std::string& what) {
  const auto now = std::chrono::steady_clock::now();
  {
    const std::scoped_lock lock(mutex_);
    if (!session_errors_.exchange(true) || now - last_session_error_ > kSessionErrorsApart) {
      first_session_error_ = now;
    }
    last_session_error_ = now;
    if (now - first_session_error_ < kSessionErrorsToOpen) return;
  }
  Open(what);
}

void Breaker::NoteGood() {
  // Without the reads every handover would write to lines that all threads share.
  if (in_a_row_.load(std::memory_order_relaxed) != 0) in_a_row_.store(0);
  if (session_errors_.load(std::memory_order_relaxed)) session_errors_.store(false);
}

void Breaker::Open(const std::string& why) {
  {
    const std::scoped_lock lock(mutex_);
    if (open_.exchange(true)) return;
    why_ = why;
    times_opened_.fetch_add(1, std::memory_order_relaxed);
  }
  if (on_change_) on_change_(true, why);
}

void Breaker::StayOpen(const std::string& what) {
  const std::scoped_lock lock(mutex_);
  // Not what it says anyway: "CKR_DEVICE_ERROR" and "C_Sign: CKR_DEVICE_ERROR".
  latest_ = open() && what.find(why_) == std::string::npos ? what : std::string();
}

void Breaker::Close() {
  {
    const std::scoped_lock lock(mutex_);
    in_a_row_.store(0);
    session_errors_.store(false);
    if (!open_.exchange(false)) return;
    why_.clear();
    latest_.clear();
  }
  if (on_change_) on_change_(false, {});
}

}  // namespace acb::hsm
