// The register of parties: user_id,party,role,status,from,to,uept,notice_to_cease (design.md
// section 8).
#pragma once

#include "firmware/base/result.h"
#include "firmware/feeds/csv.h"
#include "firmware/records.h"

namespace acb::feeds {

const std::vector<std::string>& PartyColumns();
// Fails with kFeedRejected, naming the column and what was expected.
Result<PartyRecord> ParseParty(const CsvRow& row);

}  // namespace acb::feeds
