// How often each pair of the ACB's keys was put to work (R-SEC3-21). Private to store/.
//
// Counted in the transaction that reserves the counter: on disk before the HSM is asked, exact
// under any number of clients, across restarts, and without a flush of its own.
#pragma once

#include "store/store.h"
#include "store/transactions.h"

namespace acb::store {

// 0: none yet.
Result<std::uint64_t> ReadKeyOperations(const Transaction& transaction, AcbKeyId key);

// kKeyLimit when one more is above the limit.
Status CheckKeyOperations(const Transaction& transaction, AcbKeyId key,
                          const KeyOperationLimits& limits);

// One more.
Result<std::uint64_t> AddKeyOperation(WriteTransaction& transaction, AcbKeyId key);

// One more; an `alarm` entry with the one that comes to a threshold.
Status CountKeyOperation(WriteTransaction& transaction, AcbKeyId key, UtcTime at,
                         const KeyOperationLimits& limits, Environment environment);

}  // namespace acb::store
