// The Certified Products List: model,firmware,firmware_sha256,from,to (R-SEC3-70, R-SEC3-73).
#pragma once

#include "firmware/base/result.h"
#include "firmware/feeds/csv.h"
#include "firmware/records.h"

namespace acb::feeds {

const std::vector<std::string>& CertifiedProductColumns();
// Fails with kFeedRejected, naming the column and what was expected; a hash that is missing or
// malformed among them (R-SEC3-73).
Result<CertifiedProduct> ParseCertifiedProduct(const CsvRow& row);

}  // namespace acb::feeds
