#include "store/audit_tree.h"

#include <algorithm>

#include "firmware/audit/merkle.h"
#include "store/audit_log.h"
#include "store/record.h"
#include "store/rows.h"

namespace acb::store {
namespace {

using audit::Peaks;

constexpr unsigned kLevelStep = 8;
constexpr std::uint64_t kWidth = std::uint64_t{1}
                                 << kLevelStep;  // nodes of a level below one above
constexpr unsigned kGreatestLevel = 56;

Bytes NodeKey(unsigned level, std::uint64_t index) {
  return ByteWriter().U8(static_cast<std::uint8_t>(level)).U64(index).bytes();
}

// Calls `take` with the hashes of a level (0: leaves) from number `from` on, `count` of them.
Status WalkHashes(const Transaction& transaction, unsigned level, std::uint64_t from,
                  std::uint64_t count, const std::function<void(const Sha256Digest&)>& take) {
  if (count == 0) return Done{};
  const Table table = level == 0 ? Table::kAuditLeaves : Table::kAuditNodes;
  const auto key_of = [&](std::uint64_t index) {
    return level == 0 ? KeyOf(index) : NodeKey(level, index);
  };
  std::uint64_t next = from;
  auto walked = transaction.Walk(table, key_of(from), {},
                                 [&](BytesView key, BytesView payload) -> Result<bool> {
                                   if (!Equal(key, key_of(next))) return false;  // said below
                                   const auto hash = audit::ToDigest(payload);
                                   if (!hash) return Damaged(table, key, "is no SHA-256");
                                   take(*hash);
                                   return ++next - from < count;
                                 });
  if (!walked) return walked;
  if (next - from != count) return Damaged(table, key_of(next), "is missing");
  return Done{};
}

Status AddRange(const Transaction& transaction, unsigned level, std::uint64_t from,
                std::uint64_t count, Peaks& peaks) {
  return WalkHashes(transaction, level, from, count,
                    [&](const Sha256Digest& hash) { peaks.Add(level, hash); });
}

}  // namespace

Result<std::vector<AuditNode>> CompletedBy(const Transaction& transaction, std::uint64_t index,
                                           const Sha256Digest& leaf) {
  std::vector<AuditNode> completed;
  Sha256Digest last = leaf;
  for (unsigned level = 0; level < kGreatestLevel; level += kLevelStep) {
    const std::uint64_t number = index >> level;  // of `last` in its level
    if (number % kWidth != kWidth - 1) break;
    Peaks peaks;
    if (auto added = AddRange(transaction, level, number - (kWidth - 1), kWidth - 1, peaks);
        !added) {
      return std::move(added).error();
    }
    peaks.Add(level, last);
    last = peaks.Root();
    completed.push_back({static_cast<std::uint8_t>(level + kLevelStep), number / kWidth, last});
  }
  return completed;
}

Status PutAuditNode(WriteTransaction& transaction, const AuditNode& node) {
  return transaction.Put(Table::kAuditNodes, NodeKey(node.level, node.index), node.hash);
}

Result<Sha256Digest> RootAt(const Transaction& transaction, std::uint64_t size) {
  Peaks peaks;
  std::uint64_t covered = 0;  // entries under the peaks
  for (unsigned level = kGreatestLevel;; level -= kLevelStep) {
    const std::uint64_t count = (size - covered) >> level;
    if (auto added = AddRange(transaction, level, covered >> level, count, peaks); !added) {
      return std::move(added).error();
    }
    covered += count << level;
    if (level == 0) return peaks.Root();
  }
}

Result<std::vector<Sha256Digest>> ReadHashes(const Transaction& transaction, unsigned level,
                                             std::uint64_t from, std::uint64_t count) {
  std::vector<Sha256Digest> hashes;
  auto read = WalkHashes(transaction, level, from, count,
                         [&](const Sha256Digest& hash) { hashes.push_back(hash); });
  if (!read) return std::move(read).error();
  return hashes;
}

audit::SubtreeSource SubtreesOf(const Transaction& transaction) {
  return [&transaction](unsigned level, std::uint64_t index) -> Result<Sha256Digest> {
    const unsigned above = level % kLevelStep;
    Peaks peaks;
    auto added =
        AddRange(transaction, level - above, index << above, std::uint64_t{1} << above, peaks);
    if (!added) return std::move(added).error();
    return peaks.Root();
  };
}

Result<bool> ContainsTree(const Transaction& transaction, std::uint64_t size,
                          const Sha256Digest& root) {
  const auto held = AuditSizeOf(transaction);
  if (!held) return held.error();
  if (*held < size) return false;
  const auto own = RootAt(transaction, size);
  if (!own) return own.error();
  return *own == root;
}

}  // namespace acb::store
