#include "hsm/breaker.h"

namespace acb::hsm {

Status Breaker::Check() const {
  if (!open()) return Done{};
  return Failure{Reason::kHsmUnavailable, "the HSM is not asked until it answers again",
                 "not asked, because " + why()};
}

std::string Breaker::why() const {
  const std::scoped_lock lock(mutex_);
  return why_;
}

void Breaker::NoteDeviceError(const std::string& what) {
  device_errors_.fetch_add(1, std::memory_order_relaxed);
  if (in_a_row_.fetch_add(1) + 1 >= kErrorsToOpen) Open(what);
}

void Breaker::NoteGood() {
  // Without the read every handover would write to a line that all threads share.
  if (in_a_row_.load(std::memory_order_relaxed) != 0) in_a_row_.store(0);
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

void Breaker::Close() {
  {
    const std::scoped_lock lock(mutex_);
    in_a_row_.store(0);
    if (!open_.exchange(false)) return;
    why_.clear();
  }
  if (on_change_) on_change_(false, {});
}

}  // namespace acb::hsm
