#include "firmware/reports/british_days.h"

#include <chrono>

namespace acb::reports {
namespace {

constexpr std::int64_t kHourMilliseconds = std::int64_t{3600} * 1000;
constexpr std::int64_t kDayMilliseconds = 24 * kHourMilliseconds;

std::int64_t DayOf(std::int64_t milliseconds) {
  return milliseconds / kDayMilliseconds - (milliseconds % kDayMilliseconds < 0 ? 1 : 0);
}

// 01:00 UTC on the month's last Sunday.
std::int64_t ChangeOf(std::chrono::year_month month) {
  const std::chrono::sys_days day(month / std::chrono::Sunday[std::chrono::last]);
  return day.time_since_epoch().count() * kDayMilliseconds + kHourMilliseconds;
}

std::int64_t AheadOfUtc(std::int64_t milliseconds) {
  const std::chrono::sys_days day{std::chrono::days(DayOf(milliseconds))};
  const std::chrono::year year = std::chrono::year_month_day(day).year();
  const bool summer = ChangeOf(year / std::chrono::March) <= milliseconds &&
                      milliseconds < ChangeOf(year / std::chrono::October);
  return summer ? kHourMilliseconds : 0;
}

}  // namespace

std::int64_t BritishDayOf(UtcTime at) {
  return DayOf(at.milliseconds() + AheadOfUtc(at.milliseconds()));
}

UtcTime StartOfBritishDay(std::int64_t day) {
  // The clocks change after midnight, so that an hour before is as far ahead.
  const std::int64_t midnight = day * kDayMilliseconds;
  return UtcTime(midnight - AheadOfUtc(midnight - kHourMilliseconds));
}

}  // namespace acb::reports
