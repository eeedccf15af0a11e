// Devices of the Smart Metering Inventory (design.md section 8, CSV columns `devices`).
#pragma once

#include <functional>

#include "firmware/base/result.h"
#include "firmware/feeds/csv.h"
#include "firmware/records.h"
#include "firmware/smki/certificate.h"
#include "firmware/smki/device_identity.h"

namespace acb::feeds {

const std::vector<std::string>& DeviceColumns();
// communications_hub (R-SEC3-71): a file without it says nothing about hubs.
const std::vector<std::string>& OptionalDeviceColumns();
// A cell is `acb`, an EUI-64, or empty for unknown; a floor that is empty is unknown, not zero
// (R-128-17). Of the key agreement certificate the public point and the SHA-256 are kept. Fails
// with kFeedRejected, naming the column and what was expected.
Result<Device> ParseDevice(const CsvRow& row);
// Likewise, and `check` is asked about each key agreement certificate: whether it has a path.
using CertificateCheck = std::function<Status(const smki::Certificate&)>;
// Whether the keys alone, its own and its issuer's, say that `check` has nothing against the
// certificate: then `check` is not asked, which needs the certificate's texts. Empty: it is asked
// always.
using KeyCheck = std::function<bool(const smki::DeviceKeyFacts&)>;
Result<Device> ParseDeviceWith(const CsvRow& row, const CertificateCheck& check,
                               const KeyCheck& key_alone = {});

}  // namespace acb::feeds
