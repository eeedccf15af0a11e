#include "firmware/keys/limits.h"

#include <algorithm>
#include <string>

namespace acb::keys {
namespace {

constexpr std::uint64_t kPercent = 100;

// Rounded up, and never 0: without overflow, as both factors are bounded.
std::uint64_t ShareOf(std::uint64_t whole, std::uint64_t percent) {
  return std::max<std::uint64_t>(1, (whole * percent + kPercent - 1) / kPercent);
}
static_assert(Limits::kMostOperations < (std::uint64_t{1} << 56));

// A clock that was set back to before the activation makes nobody older.
std::chrono::milliseconds AgeOf(UtcTime since, UtcTime now) {
  return std::chrono::milliseconds(
      std::max<std::int64_t>(0, now.milliseconds() - since.milliseconds()));
}

}  // namespace

KeyOperationLimits Limits::Operations() const {
  return {.most = max_operations, .warn_at = ShareOf(max_operations, warn_percent)};
}

std::chrono::milliseconds Limits::WarningAge() const {
  const std::chrono::milliseconds whole = max_age;
  return std::chrono::milliseconds(
      static_cast<std::int64_t>(ShareOf(static_cast<std::uint64_t>(whole.count()), warn_percent)));
}

std::string_view Name(Standing standing) {
  switch (standing) {
    case Standing::kGood:
      return "good";
    case Standing::kWarning:
      return "warning";
    case Standing::kReached:
      return "reached";
  }
  return "";
}

Standing StandingOf(const Use& use, UtcTime now, const Limits& limits) {
  const KeyOperationLimits operations = limits.Operations();
  if (!CheckAge(use.in_use_since, now, limits) || !CheckOperations(use.operations, operations)) {
    return Standing::kReached;
  }
  const bool near =
      AgeOf(use.in_use_since, now) >= limits.WarningAge() || use.operations >= operations.warn_at;
  return near ? Standing::kWarning : Standing::kGood;
}

// R-SEC3-21: the hard stop by age.
Status CheckAge(UtcTime in_use_since, UtcTime now, const Limits& limits) {
  if (AgeOf(in_use_since, now) < limits.max_age) return Done{};
  return Failure(Reason::kKeyLimit, "a pair of ACB keys has been in use since " +
                                        in_use_since.Iso() + ", and its limit is " +
                                        std::to_string(limits.max_age.count()) + " days");
}

// R-SEC3-21: the hard stop by operations.
Status CheckOperations(std::uint64_t operations, const KeyOperationLimits& limits) {
  if (limits.most == 0 || operations < limits.most) return Done{};
  return Failure(Reason::kKeyLimit, "a pair of ACB keys has signed " + std::to_string(operations) +
                                        " commands, and its limit is " +
                                        std::to_string(limits.most));
}

}  // namespace acb::keys
