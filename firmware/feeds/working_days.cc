#include "firmware/feeds/working_days.h"

#include "firmware/feeds/field.h"

namespace acb::feeds {

const std::vector<std::string>& WorkingDayColumns() {
  static const std::vector<std::string> kColumns = {"date", "working"};
  return kColumns;
}

Result<CalendarDay> ParseWorkingDay(const CsvRow& row) {
  const auto day = UtcTime::FromIsoDate(row.Get("date"));
  if (!day) return Rejected("date", "a day as 2026-01-31", row.Get("date"));
  const auto working = YesNoField(row, "working");
  if (!working) return working.error();
  return CalendarDay{*day, *working};
}

}  // namespace acb::feeds
