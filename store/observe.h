// Judges an observation and writes what it changes. Private to store/.
#pragma once

#include "firmware/observation.h"
#include "store/store.h"
#include "store/transactions.h"

namespace acb::store {

// Of one device and originator that one cancellation looks at.
inline constexpr std::size_t kMaxCancelled = 1'000;

// ObservationLog::Record: one job of the writer, which checks everything before it writes.
Result<RecordedObservation> StoreObservation(WriteTransaction& transaction, const Observation& seen,
                                             std::uint64_t counter_jump, Environment environment);

}  // namespace acb::store
