// The root of the audit log's tree (RFC 6962 section 2.1). Private to store/.
#pragma once

#include "firmware/base/sha256.h"
#include "store/transactions.h"

namespace acb::store {

// Of the first `size` leaves, from the leaves: a read of each. kRecordDamaged when one is missing.
Result<Sha256Digest> TreeRoot(const Transaction& transaction, std::uint64_t size);

}  // namespace acb::store
