// Registration data: mpxn,supplier,network_operator,from,to, with past and future rows (R-107-7).
#pragma once

#include "firmware/base/result.h"
#include "firmware/feeds/csv.h"
#include "firmware/records.h"

namespace acb::feeds {

const std::vector<std::string>& RegistrationColumns();
// A meter point may have no supplier or no network operator (empty field). Fails with
// kFeedRejected.
Result<Registration> ParseRegistration(const CsvRow& row);

}  // namespace acb::feeds
