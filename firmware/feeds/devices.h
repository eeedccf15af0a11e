// Devices of the Smart Metering Inventory (design.md section 8, CSV columns `devices`).
#pragma once

#include "firmware/base/result.h"
#include "firmware/feeds/csv.h"
#include "firmware/records.h"

namespace acb::feeds {

const std::vector<std::string>& DeviceColumns();
// A cell is `acb`, an EUI-64, or empty for unknown; a floor that is empty is unknown, not zero
// (R-128-17). Of the key agreement certificate the public point and the SHA-256 are kept. Fails
// with kFeedRejected, naming the column and what was expected.
Result<Device> ParseDevice(const CsvRow& row);

}  // namespace acb::feeds
