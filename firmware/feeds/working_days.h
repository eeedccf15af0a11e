// Days that are not what their weekday says: date,working.
#pragma once

#include "firmware/base/result.h"
#include "firmware/feeds/csv.h"
#include "firmware/records.h"

namespace acb::feeds {

const std::vector<std::string>& WorkingDayColumns();
// `date` is a day, never an instant. Fails with kFeedRejected, naming the column and what was
// expected.
Result<CalendarDay> ParseWorkingDay(const CsvRow& row);

}  // namespace acb::feeds
