// Can the ACB hand over this device's credentials of this role at all?
#pragma once

#include "firmware/base/result.h"
#include "firmware/ports.h"

namespace acb::checks {

// kDeviceUnknown when no such device is recorded.
Result<Device> FindKnownDevice(const Records& records, Eui64 id);

// The device is SMETS2 (R-107-1), its type has cells of the role (R-063-15: GSME has no
// network operator cells), its SMI status permits commands and its
// communications hub is not suspended (R-SEC3-70, R-SEC3-71), the cell holds the ACB's certificates
// (R-128-9), its floor is known (R-128-17), and its key agreement key is held.
//
// Fails with kSmets1Proxy, kDeviceType, kDeviceStatus, kCellUnknown, kCellNotAcb,
// kCounterUnknown, kFeedStale (no key agreement certificate was imported).
Status CheckDevice(const Records& records, const Device& device, RemotePartyRole role);

// The rule on the cell alone; read again in the transaction that reserves.
Status CheckCell(const CellState& cell, RemotePartyRole role);

}  // namespace acb::checks
