// What the SMKI Repository says of certificates: certificate_sha256,status,reason,since (R-128-7,
// R-128-30).
#pragma once

#include "firmware/base/result.h"
#include "firmware/feeds/csv.h"
#include "firmware/records.h"

namespace acb::feeds {

const std::vector<std::string>& RepositoryStatusColumns();
// Fails with kFeedRejected, naming the column and what was expected.
Result<RepositoryEntry> ParseRepositoryStatus(const CsvRow& row);

// R-128-7: a certificate that was revoked is never in use again. kFeedRejected when `next` says so.
Status CheckRepositoryChange(const RepositoryEntry& held, const RepositoryEntry& next);

}  // namespace acb::feeds
