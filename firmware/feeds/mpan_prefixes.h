// The table of MPAN distributor identifiers: prefix,party (R-063-2).
#pragma once

#include "firmware/base/result.h"
#include "firmware/feeds/csv.h"
#include "firmware/records.h"

namespace acb::feeds {

const std::vector<std::string>& MpanPrefixColumns();
// Fails with kFeedRejected, naming the column and what was expected.
Result<MpanPrefix> ParseMpanPrefix(const CsvRow& row);

}  // namespace acb::feeds
