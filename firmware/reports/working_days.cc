#include "firmware/reports/working_days.h"

#include <chrono>

#include "firmware/reports/british_days.h"

namespace acb::reports {
namespace {

// No calendar has so many days without work in a row.
constexpr int kMaxDays = 400;

std::chrono::sys_days AsDate(std::int64_t day) {
  return std::chrono::sys_days(std::chrono::days(day));
}
int YearOf(std::int64_t day) {
  return static_cast<int>(std::chrono::year_month_day(AsDate(day)).year());
}

}  // namespace

WorkingDays::WorkingDays(const std::vector<CalendarDay>& calendar) {
  for (const CalendarDay& each : calendar) {
    const std::int64_t day = BritishDayOf(each.day);
    (each.working ? on_ : off_).insert(day);
    years_.insert(YearOf(day));
  }
}

std::optional<bool> WorkingDays::IsWorking(std::int64_t day) const {
  if (!years_.contains(YearOf(day))) return {};
  if (off_.contains(day)) return false;
  if (on_.contains(day)) return true;
  const std::chrono::weekday weekday(AsDate(day));
  return weekday != std::chrono::Saturday && weekday != std::chrono::Sunday;
}

Result<UtcTime> WorkingDays::EndOfWorkingDayAfter(UtcTime start, int count) const {
  std::int64_t day = BritishDayOf(start);
  for (int i = 0; i < kMaxDays; ++i) {
    ++day;
    const auto working = IsWorking(day);
    if (!working) {
      return Failure(Reason::kNotFound, "the calendar of working days has no day of " +
                                            std::to_string(YearOf(day)) +
                                            ": import feed working-days with that year");
    }
    if (*working && --count == 0) return StartOfBritishDay(day + 1);
  }
  return Failure(Reason::kNotFound, "the calendar has no working day in " +
                                        std::to_string(kMaxDays) + " days after " + start.Iso());
}

int WorkingDays::WorkingDaysUntil(UtcTime at, UtcTime end) const {
  int found = 0;
  for (std::int64_t day = BritishDayOf(at) + 1; StartOfBritishDay(day + 1) <= end; ++day) {
    const auto working = IsWorking(day);
    if (!working || found > kMaxDays) return -1;
    if (*working) ++found;
  }
  return found;
}

}  // namespace acb::reports
