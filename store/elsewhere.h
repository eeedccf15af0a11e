// Counters for the ACB's other commands, and what is known of a device's counters (design.md
// section 4). Private to store/.
#pragma once

#include <optional>

#include "store/rows.h"
#include "store/store.h"
#include "store/transactions.h"

namespace acb::store {

// Table elsewhere: that the box gave this counter out, so that a command seen with it is no alarm.
struct ElsewhereRow {
  UtcTime at{0};
  std::string purpose;
  // The only command that it was given out for: one signed here whose octets were lost with the
  // store, and of which the log tells the hash. Nothing: whatever the other system made.
  std::optional<Sha256Digest> command;
};
Bytes KeyOfElsewhere(Eui64 device, OriginatorCounter counter);
Bytes EncodeElsewhere(const ElsewhereRow& row);
std::optional<ElsewhereRow> DecodeElsewhere(BytesView payload);

// The greatest floor that a command which names no cell has to be above: of all cells of the
// device, whoever holds them, because a cell that is another's now may be the ACB's again when the
// command arrives. kFloorLimit when one that is not another party's is above `floor_limit`; one
// that is another party's does not count then, or it would use up the counters of all other cells.
Result<FloorSeqNumber> FloorOfAllCells(const CountersRow& row, std::uint64_t floor_limit);

// Store::ReserveElsewhere: one job of the writer, which checks everything before it writes.
Result<Elsewhere> ReserveForOthers(WriteTransaction& transaction, const ElsewhereWish& wish,
                                   const OpenSettings& settings, Environment environment);

// Store::ShowCounters.
Result<std::optional<DeviceCounters>> ReadDeviceCounters(const Transaction& transaction,
                                                         Eui64 device,
                                                         const OpenSettings& settings);

}  // namespace acb::store
