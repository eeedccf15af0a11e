// The rows of the register of parties that speak against somebody. Private to store/.
#pragma once

#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "firmware/records.h"
#include "store/transactions.h"

namespace acb::store {

// Rows are keyed by User ID; these are asked for by party, of whatever User ID. They are few, and
// kept from one import of feed parties to the next. Thread-safe.
class PartiesAgainst {
 public:
  // Records::FindRowsAgainst, as of `transaction`.
  Result<std::vector<PartyRecord>> Find(const Transaction& transaction, std::string_view party);

 private:
  using Rows = std::vector<PartyRecord>;
  Result<std::shared_ptr<const Rows>> AsOf(const Transaction& transaction);

  std::mutex mutex_;
  std::uint64_t import_ = 0;  // the audit entry of the import that they are of
  std::shared_ptr<const Rows> rows_;
};

}  // namespace acb::store
