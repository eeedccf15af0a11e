// Limits of an ACB key pair by age and by operations, with a warning before each (R-SEC3-21).
#pragma once

#include <chrono>
#include <string_view>

#include "firmware/base/result.h"
#include "firmware/base/time.h"
#include "firmware/ports.h"

namespace acb::keys {

// Of each pair. "We read this as": age counts from the activation, when devices may begin to hold
// the pair; an operation is a command that a counter was reserved for, whatever became of it.
struct Limits {
  std::chrono::days max_age{5 * 365 + 1};
  std::uint64_t max_operations = 100'000'000;
  std::uint64_t warn_percent = 90;  // of either: 1 to 99

  // Beyond these no configuration goes: SMKI organisation certificates last ten years, and in that
  // time an estate of a hundred million devices changes hands ten times.
  static constexpr std::uint64_t kMostDays = 10 * 365 + 3;
  static constexpr std::uint64_t kMostOperations = 1'000'000'000;

  KeyOperationLimits Operations() const;
  std::chrono::milliseconds WarningAge() const;
};

enum class Standing { kGood, kWarning, kReached };
std::string_view Name(Standing standing);  // "good", "warning", "reached"

struct Use {
  UtcTime in_use_since{0};
  std::uint64_t operations = 0;
};

// The worse of age and operations.
Standing StandingOf(const Use& use, UtcTime now, const Limits& limits);

// kKeyLimit from the end of the last day on. `now`: real time, not an instant that configuration
// fixes.
Status CheckAge(UtcTime in_use_since, UtcTime now, const Limits& limits);
// kKeyLimit when one more would be above the limit.
Status CheckOperations(std::uint64_t operations, const KeyOperationLimits& limits);

}  // namespace acb::keys
