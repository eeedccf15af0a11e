// A device and its cells as octets, for what waits in a file between the feed and the store. Never
// kept: no record of the store has this form, so it may change with any version.
#pragma once

#include <optional>

#include "firmware/base/bytes.h"
#include "firmware/records.h"

namespace acb::store {

// Model and meter point are within the store's limits (rows.h), and so is every device that a
// feed's rules accepted. At most kMaxPackedDevice octets; `last_issued` is not among them. The
// record of table `devices` is in it as it will be written: sealed by whoever packs, which is not
// the store's one writer.
inline constexpr std::size_t kMaxPackedDevice = 1024;
Bytes PackDevice(const Device& device);

struct UnpackedDevice {
  Device device;
  BytesView record;  // sealed, for table `devices`; in what was unpacked
};
// Nothing when PackDevice did not make the octets; the record's check value is verified.
std::optional<UnpackedDevice> UnpackDevice(BytesView octets);

}  // namespace acb::store
