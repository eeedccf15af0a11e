// Working Days of England and Wales, by the calendar that feed working-days brought.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "firmware/base/result.h"
#include "firmware/base/time.h"
#include "firmware/records.h"

namespace acb::reports {

// Monday to Friday, but for the days that the calendar names. A year of which it names no day is
// missing from it: every year has bank holidays, so nothing is guessed about such a year.
//
// We read a day as one of Britain (british_days.h), which is where the bank holidays are: from
// March to October it begins at 23:00 UTC. A time without a clock, as feeds may have it
// ("2026-04-22"), is on that day either way.
class WorkingDays {
 public:
  explicit WorkingDays(const std::vector<CalendarDay>& calendar);

  // The end (the next midnight in Britain) of the `count`th Working Day after the day of `start`,
  // which itself is not counted (R-063-6). kNotFound, explained, when it needs a year that is
  // missing.
  Result<UtcTime> EndOfWorkingDayAfter(UtcTime start, int count) const;
  // Working Days from the day after that of `at` up to and with the last before `end`; -1 when a
  // year is missing.
  int WorkingDaysUntil(UtcTime at, UtcTime end) const;

 private:
  std::optional<bool> IsWorking(std::int64_t day) const;
  std::set<std::int64_t> off_, on_;  // days since 1970-01-01
  std::set<int> years_;
};

}  // namespace acb::reports
