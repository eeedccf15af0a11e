#include "store/audit_tree.h"

#include <algorithm>

#include "store/audit_log.h"
#include "store/record.h"
#include "store/rows.h"

namespace acb::store {
namespace {

constexpr unsigned kLevelStep = 8;
constexpr std::uint64_t kWidth = std::uint64_t{1}
                                 << kLevelStep;  // nodes of a level below one above
constexpr unsigned kGreatestLevel = 56;

Bytes NodeKey(unsigned level, std::uint64_t index) {
  return ByteWriter().U8(static_cast<std::uint8_t>(level)).U64(index).bytes();
}

// RFC 6962 section 2.1: SHA-256(01 || left || right).
Sha256Digest HashPair(const Sha256Digest& left, const Sha256Digest& right) {
  static constexpr std::uint8_t kNode[] = {0x01};
  return Sha256({kNode, left, right});
}

// Complete subtrees from left to right, each at least as high as the next.
class Peaks {
 public:
  void Add(unsigned height, Sha256Digest hash) {
    while (!peaks_.empty() && peaks_.back().height == height) {
      hash = HashPair(peaks_.back().hash, hash);
      peaks_.pop_back();
      ++height;
    }
    peaks_.push_back({height, hash});
  }
  // RFC 6962 splits at the largest power of two: the rightmost are joined first.
  Sha256Digest Root() const {
    if (peaks_.empty()) return Sha256(BytesView());
    Sha256Digest hash = peaks_.back().hash;
    for (auto left = peaks_.rbegin() + 1; left != peaks_.rend(); ++left) {
      hash = HashPair(left->hash, hash);
    }
    return hash;
  }

 private:
  struct Peak {
    unsigned height;
    Sha256Digest hash;
  };
  std::vector<Peak> peaks_;
};

// Adds the nodes of a level (0: leaves) from number `from` on, `count` of them.
Status AddRange(const Transaction& transaction, unsigned level, std::uint64_t from,
                std::uint64_t count, Peaks& peaks) {
  if (count == 0) return Done{};
  const Table table = level == 0 ? Table::kAuditLeaves : Table::kAuditNodes;
  const auto key_of = [&](std::uint64_t index) {
    return level == 0 ? KeyOf(index) : NodeKey(level, index);
  };
  std::uint64_t next = from;
  auto walked = transaction.Walk(table, key_of(from), {},
                                 [&](BytesView key, BytesView payload) -> Result<bool> {
                                   if (!Equal(key, key_of(next))) return false;  // said below
                                   Sha256Digest hash;
                                   if (payload.size() != hash.size())
                                     return Damaged(table, key, "is no SHA-256");
                                   std::ranges::copy(payload, hash.begin());
                                   peaks.Add(level, hash);
                                   return ++next - from < count;
                                 });
  if (!walked) return walked;
  if (next - from != count) return Damaged(table, key_of(next), "is missing");
  return Done{};
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
