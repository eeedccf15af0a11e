// The RFC 6962 tree over the audit log (design.md section 7). Private to store/.
//
// The hashes of complete subtrees of 256, 65,536, ... entries are kept in table audit-nodes, so
// that the root of 100 million entries takes at most 255 reads for each of four levels.
#pragma once

#include <vector>

#include "firmware/audit/merkle.h"
#include "firmware/base/sha256.h"
#include "store/transactions.h"

namespace acb::store {

// A subtree of 2^level entries, level 8, 16, ..., that starts at entry index * 2^level.
struct AuditNode {
  std::uint8_t level = 0;
  std::uint64_t index = 0;
  Sha256Digest hash{};
};

// The subtrees that entry `index` with this leaf completes; the entries before it are in the log.
// Reads only. kRecordDamaged: a leaf or node of the log is missing or damaged.
Result<std::vector<AuditNode>> CompletedBy(const Transaction& transaction, std::uint64_t index,
                                           const Sha256Digest& leaf);
Status PutAuditNode(WriteTransaction& transaction, const AuditNode& node);

// RFC 6962 section 2.1: the root over the first `size` entries, which the log has; that of the
// empty log is SHA-256 of nothing. kRecordDamaged: a leaf or node of them is missing or damaged.
Result<Sha256Digest> RootAt(const Transaction& transaction, std::uint64_t size);
// Hashes of a level (0: leaves; else 8, 16, ...) from number `from` on, `count` of them. Fails as
// RootAt.
Result<std::vector<Sha256Digest>> ReadHashes(const Transaction& transaction, unsigned level,
                                             std::uint64_t from, std::uint64_t count);
// Hashes of complete subtrees, from what is kept: up to 128 reads each. As long as `transaction`.
audit::SubtreeSource SubtreesOf(const Transaction& transaction);
// Whether the log has `size` entries or more, and the first of them are those of this root. Fails
// as RootAt.
Result<bool> ContainsTree(const Transaction& transaction, std::uint64_t size,
                          const Sha256Digest& root);

}  // namespace acb::store
