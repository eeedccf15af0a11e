#include "store/tree_root.h"

#include <algorithm>
#include <vector>

#include "store/record.h"
#include "store/rows.h"

namespace acb::store {
namespace {

Sha256Digest NodeHash(const Sha256Digest& left, const Sha256Digest& right) {
  constexpr std::uint8_t kNode = 0x01;
  return Sha256(ByteWriter().U8(kNode).Raw(left).Raw(right).bytes());
}

// A complete tree over 2^height leaves.
struct Subtree {
  int height;
  Sha256Digest root;
};

void Push(std::vector<Subtree>& stack, const Sha256Digest& leaf) {
  Subtree top{0, leaf};
  while (!stack.empty() && stack.back().height == top.height) {
    top = {top.height + 1, NodeHash(stack.back().root, top.root)};
    stack.pop_back();
  }
  stack.push_back(top);
}

}  // namespace

Result<Sha256Digest> TreeRoot(const Transaction& transaction, std::uint64_t size) {
  std::vector<Subtree> stack;  // at most one of each height
  std::uint64_t index = 0;
  if (size == 0) return Sha256({});
  Status walked = transaction.Walk(
      Table::kAuditLeaves, {}, {}, [&](BytesView key, BytesView payload) -> Result<bool> {
        Sha256Digest leaf;
        if (!Equal(key, KeyOf(index)) || payload.size() != leaf.size()) {
          return Damaged(Table::kAuditLeaves, KeyOf(index), "is missing or is no SHA-256");
        }
        std::ranges::copy(payload, leaf.begin());
        Push(stack, leaf);
        return ++index < size;
      });
  if (!walked) return std::move(walked).error();
  if (index != size) return Damaged(Table::kAuditLeaves, KeyOf(index), "is missing");
  Sha256Digest root = stack.back().root;
  for (auto next = stack.rbegin() + 1; next != stack.rend(); ++next) {
    root = NodeHash(next->root, root);
  }
  return root;
}

}  // namespace acb::store
