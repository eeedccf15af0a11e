// What operators have stopped (R-SEC3-56). Private to store/.
//
// Each writing function is one job of the writer: it checks everything before it writes.
#pragma once

#include "store/agreements.h"
#include "store/store.h"
#include "store/transactions.h"

namespace acb::store {

inline constexpr std::size_t kMaxSuspensionsAtOnce = 10'000;

// Store::Suspend: one operator is enough to stop.
Result<audit::Receipt> StoreSuspensions(WriteTransaction& transaction,
                                        const std::vector<Suspension>& wanted, UtcTime at,
                                        Environment environment);

// One order: its entry, and its rows with `by`, one of those who gave it. What goes on is not given
// up: for a store that does not serve.
Result<audit::Receipt> PutOrder(WriteTransaction& transaction,
                                const std::vector<Suspension>& wanted, UtcTime at,
                                Environment environment);

// Store::AgreeToLift: two are needed to go on.
Result<Lifting> Lift(WriteTransaction& transaction, const std::vector<Suspension>& wanted,
                     const OperatorWord& word, Environment environment);

// As firmware/checks/suspension.h for a handover: kSigningSuspended while everything is stopped,
// kBlocked while the device is.
Status CheckDeviceNotStopped(const Transaction& transaction, Eui64 device);

// With `now` without first words that do not count any more.
Result<std::vector<Suspension>> ReadSuspensions(const Transaction& transaction,
                                                std::optional<UtcTime> now);

}  // namespace acb::store
