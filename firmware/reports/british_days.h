// Days as they are counted in Great Britain.
#pragma once

#include <cstdint>

#include "firmware/base/time.h"

namespace acb::reports {

// Days since 1970-01-01 by the clocks in Britain: an hour ahead of UTC from 01:00 UTC on the last
// Sunday of March to 01:00 UTC on that of October (Summer Time Act 1972 as amended by the Summer
// Time Order 2002). Of no year before 1996, and without the machine's time zone database: two boxes
// count alike.
std::int64_t BritishDayOf(UtcTime at);
// Its midnight.
UtcTime StartOfBritishDay(std::int64_t day);

}  // namespace acb::reports
