// How many handovers were reserved, by User and in total, per rolling hour and day (R-NOW-11,
// R-SEC3-50). Private to store/.
//
// Counted in the transaction that reserves: exact, and across restarts. The hour is looked at in
// minutes and the day in hours, each one bucket wider than the window, so that a threshold is never
// passed. Buckets up to a day ahead count too: a clock that is set back opens no new window.
#pragma once

#include "store/store.h"
#include "store/transactions.h"

namespace acb::store {

// kVolumeExceeded when one more is above a threshold.
Status CheckVolume(const Transaction& transaction, Eui64 user, UtcTime at,
                   const VolumeLimits& limits);

// One more, and buckets that no window needs any longer are dropped.
Status CountVolume(WriteTransaction& transaction, Eui64 user, UtcTime at);

}  // namespace acb::store
