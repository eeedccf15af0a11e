// The RFC 6962 root over leaves that come in order. Private to store/.
#pragma once

#include <cstdint>
#include <vector>

#include "firmware/base/sha256.h"
#include "store/transactions.h"

namespace acb::store {

// RFC 6962 section 2.1. Holds one hash for each complete subtree: at most 64.
class TreeRoot {
 public:
  void Add(const Sha256Digest& leaf);
  std::uint64_t size() const { return size_; }
  // Of no leaves: the SHA-256 of nothing.
  Sha256Digest Root() const;

 private:
  std::uint64_t size_ = 0;
  std::vector<Sha256Digest> subtrees_;  // greatest first: the ones of size_ in binary
};

// Over the first `size` leaves of the store's log. kRecordDamaged: the log has fewer, or one of
// them is missing. Reads every leaf: some 2 million a second.
Result<TreeRoot> ReadTree(const Transaction& transaction, std::uint64_t size);

}  // namespace acb::store
