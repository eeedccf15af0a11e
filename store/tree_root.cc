#include "store/tree_root.h"

#include <algorithm>

#include "store/audit_log.h"
#include "store/record.h"
#include "store/rows.h"

namespace acb::store {
namespace {

constexpr std::uint8_t kNodeMark[] = {0x01};

Sha256Digest NodeHash(const Sha256Digest& left, const Sha256Digest& right) {
  return Sha256({BytesView(kNodeMark), BytesView(left), BytesView(right)});
}

}  // namespace

void TreeRoot::Add(const Sha256Digest& leaf) {
  Sha256Digest subtree = leaf;
  for (std::uint64_t full = size_; (full & 1) != 0; full >>= 1) {
    subtree = NodeHash(subtrees_.back(), subtree);
    subtrees_.pop_back();
  }
  subtrees_.push_back(subtree);
  ++size_;
}

Sha256Digest TreeRoot::Root() const {
  if (subtrees_.empty()) return Sha256(BytesView());
  Sha256Digest root = subtrees_.back();
  for (auto left = std::next(subtrees_.rbegin()); left != subtrees_.rend(); ++left) {
    root = NodeHash(*left, root);
  }
  return root;
}

Result<TreeRoot> ReadTree(const Transaction& transaction, std::uint64_t size) {
  TreeRoot tree;
  if (size == 0) return tree;
  auto walked = transaction.Walk(
      Table::kAuditLeaves, {}, {}, [&](BytesView key, BytesView payload) -> Result<bool> {
        Sha256Digest leaf;
        if (!Equal(key, KeyOf(tree.size())) || payload.size() != leaf.size()) {
          return Damaged(Table::kAuditLeaves, KeyOf(tree.size()), "is missing or no SHA-256");
        }
        std::ranges::copy(payload, leaf.begin());
        tree.Add(leaf);
        return tree.size() < size;
      });
  if (!walked) return std::move(walked).error();
  if (tree.size() != size) {
    return Damaged(Table::kAuditLeaves, KeyOf(tree.size()), "is behind the end of the log");
  }
  return tree;
}

}  // namespace acb::store
