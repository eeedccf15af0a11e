// Commands that wait for their outcome, and the end of the wait. Private to store/.
//
// A row is due kLongestDelaySeconds after its command was to be executed; of a command that is not
// future dated, after it was observed. When the outcome has not come by then, the row goes, and a
// future dated command leaves each cell that it was to change unknown: the device may have executed
// it. One that nobody answered is a time-out (gbcs-cs02b.md 6.4): the cell stays (R-128-12,
// R-NOW-15).
//
// This is done when the device is next observed or imported, and, when the table is full, to the
// kMaxSwept rows of any device that have been due longest. Until then nothing is signed for such a
// cell (CheckNothingOverdue).
#pragma once

#include <vector>

#include "store/observed_rows.h"
#include "store/rows.h"
#include "store/transactions.h"

namespace acb::store {

// Commands that wait for their outcome. When no row of a full table is due: kBusy, which says so.
inline constexpr std::uint64_t kMaxPending = 1'000'000;
// Rows of one device that are looked at in one call; more wait for the next.
inline constexpr std::size_t kMaxOverdue = 1'000;
inline constexpr std::size_t kMaxSwept = 100;

struct PendingCommand {
  Bytes key;
  PendingRow row;
};

Status PutPending(WriteTransaction& transaction, const PendingCommand& command);
// With its row in pending-due.
Status DeletePending(WriteTransaction& transaction, const PendingCommand& command);

// Of the device, due at `at`.
Result<std::vector<PendingCommand>> FindOverdue(const Transaction& transaction, Eui64 device,
                                                UtcTime at);
// Of all devices, those due longest, at most kMaxSwept.
Result<std::vector<PendingCommand>> FindLongestOverdue(const Transaction& transaction, UtcTime at);

// Makes the cells unknown that an overdue command was to change.
void ForgetCellsOf(const PendingRow& row, CountersRow& counters);
// Ends the wait: an `observed` entry of stage "expired", the cells, the rows.
Status Expire(WriteTransaction& transaction, const PendingCommand& command, UtcTime at,
              Environment environment);

// kCellUnknown: the outcome of a future dated command for cells of the role is overdue.
Status CheckNothingOverdue(const Transaction& transaction, Eui64 device, RemotePartyRole role,
                           UtcTime at);

}  // namespace acb::store
