// What waits for two operators: requests above a volume threshold, and floors from outside that
// jump too far (design.md section 4). Private to store/.
//
// Each writing function is one job of the writer: it checks everything before it writes.
#pragma once

#include "store/agreements.h"
#include "store/answers.h"
#include "store/store.h"
#include "store/transactions.h"

namespace acb::store {

// In the quarantine at one time; more are refused.
inline constexpr std::uint64_t kMaxQuarantined = 1'000'000;

Bytes EncodeQuarantined(const QuarantinedItem& item);
std::optional<QuarantinedItem> DecodeQuarantined(BytesView key, BytesView payload);

// AuditLog::AppendQuarantined.
Result<audit::Receipt> StoreQuarantined(WriteTransaction& transaction, const RefusedAnswer& answer,
                                        RemotePartyRole role);

// kBusy: the quarantine is full.
Status CheckQuarantineRoom(const Transaction& transaction);
// A number that waits for two operators may be one that the device has: until they have decided,
// nothing is signed for that cell on an older one. Role ACB: what it issued, so no cell at all.
// kCounterUnknown.
Status CheckNothingHeld(const Transaction& transaction, Eui64 device, RemotePartyRole role);

// `item` may still make its cell the ACB's when it is released: it was held since the last
// recovery.
Result<bool> MayMakeAcbs(const Transaction& transaction, const QuarantinedItem& item);

// Whether the same number for the same cell waits, however often its file is imported; of role ACB
// also one that a cell's item would spend. Looks at that number's rows alone, however full the
// quarantine is.
Result<bool> IsWaiting(const Transaction& transaction, const QuarantinedItem& item);

// A floor that was not applied: an entry, and a row under its index. Of role ACB it is not a floor
// but the greatest counter issued.
Result<audit::Receipt> QuarantineFloor(WriteTransaction& transaction, const QuarantinedItem& item,
                                       Environment environment);

// Store::AgreeOnQuarantined. A number that is released only raises. One held before the last
// recovery leaves the cell unknown: an observation or a device import made since has to say who
// holds it (design.md section 4, "Recover").
Result<Agreement> Agree(WriteTransaction& transaction, std::uint64_t id, QuarantineAct act,
                        const OperatorWord& word, Environment environment);

// The rows of a number in quarantine, under its id.
Status PutHeld(WriteTransaction& transaction, const QuarantinedItem& item);

// Deletes its rows, when two operators have decided.
Status TakeOut(WriteTransaction& transaction, const QuarantinedItem& item);

Result<std::vector<QuarantinedItem>> ListQuarantined(const Transaction& transaction,
                                                     std::uint64_t from, std::uint64_t count,
                                                     std::optional<UtcTime> now);

}  // namespace acb::store
