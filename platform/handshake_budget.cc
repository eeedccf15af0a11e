#include "platform/handshake_budget.h"

#include <algorithm>

namespace acb::platform {
namespace {

using Span = HandshakeBudget::Span;

// Unused time is kept up to this: more at once would only make each of them slower.
constexpr Span kMost = std::chrono::milliseconds(100);
// What the first handshakes are expected to cost, and the bounds of what later ones are.
constexpr Span kFirstExpected = std::chrono::milliseconds(1);
constexpr Span kLeastExpected = std::chrono::microseconds(100);
constexpr Span kMostExpected = std::chrono::milliseconds(50);
// One handshake moves what is expected of the next by this part of the difference.
constexpr int kInertia = 8;

}  // namespace

HandshakeBudget::HandshakeBudget(double processors, Time now)
    : processors_(processors), refilled_(now), balance_(kMost), expected_(kFirstExpected) {}

Span HandshakeBudget::Wait(Time now) {
  const std::scoped_lock lock(mutex_);
  const auto most = std::chrono::duration<double, std::nano>(kMost) / processors_;
  const auto since = std::min<std::chrono::duration<double, std::nano>>(now - refilled_, most);
  balance_ = std::min(balance_ + std::chrono::duration_cast<Span>(since * processors_), kMost);
  refilled_ = now;
  if (balance_ >= expected_) return Span{0};
  const std::chrono::duration<double, std::nano> missing = expected_ - balance_;
  return std::chrono::ceil<Span>(missing / processors_);
}

void HandshakeBudget::Begin() {
  const std::scoped_lock lock(mutex_);
  balance_ -= expected_;
  ++under_way_;
}

void HandshakeBudget::End(Span cost) {
  const std::scoped_lock lock(mutex_);
  const Span bounded = std::clamp(cost, kLeastExpected, kMostExpected);
  balance_ += expected_ - bounded;
  --under_way_;
  const Span step = (bounded - expected_) / kInertia;
  expected_ += step;
  // What is set aside for each that is under way is what is given back for it: what is expected
  // now.
  balance_ -= step * under_way_;
}

}  // namespace acb::platform
