// Who holds the network operator credentials of SMETS1 devices by proxy, as the DSP and the S1SP
// have it: device_id,source,owner,certificate (R-107-8).
#pragma once

#include "firmware/base/result.h"
#include "firmware/feeds/csv.h"
#include "firmware/records.h"

namespace acb::feeds {

const std::vector<std::string>& ProxyCertificateColumns();
// Fails with kFeedRejected, naming the column and what was expected.
Result<ProxyCertificate> ParseProxyCertificate(const CsvRow& row);

}  // namespace acb::feeds
