// Raise-only repair of counters and floors by two operators (design.md section 4). Private to
// store/.
#pragma once

#include "store/store.h"
#include "store/transactions.h"

namespace acb::store {

// Store::AgreeToRaise: one job of the writer, which checks everything before it writes.
Result<Raising> AgreeOnRaise(WriteTransaction& transaction, const RaiseWish& wish,
                             const OpenSettings& settings, Environment environment);

}  // namespace acb::store
