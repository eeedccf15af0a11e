// Reservations that have to be given up, which could not be written yet. Private to store/.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "store/counters.h"

namespace acb::store {

// A device with a reservation gets no other one. So what could not be given up is not forgotten: it
// is tried again before the next reservation of its device. Nothing of it outlives the process; the
// next start, and a clean stop, give up all that is unanswered. Thread-safe.
class Owed {
 public:
  struct Item {
    Unanswered reservation;
    std::string_view reason;  // the reason's name
    std::string explanation;
    std::string alarm;
    UtcTime at;
  };

  // One a device, so this is not met before kMaxUnanswered is; what is beyond waits for the next
  // start.
  static constexpr std::size_t kMaxItems = kMaxUnanswered;

  void Keep(const Unanswered& reservation, const Abandonment& why) {
    const std::lock_guard lock(mutex_);
    if (items_.size() >= kMaxItems) return;
    items_.insert_or_assign(reservation.request.target.value(),
                            Item{reservation, why.reason, std::string(why.explanation),
                                 std::string(why.alarm), why.at});
  }
  std::optional<Item> Take(Eui64 device) {
    const std::lock_guard lock(mutex_);
    const auto item = items_.extract(device.value());
    if (item.empty()) return std::nullopt;
    return std::move(item.mapped());
  }

 private:
  std::mutex mutex_;
  std::map<std::uint64_t, Item> items_;  // by device
};

}  // namespace acb::store
