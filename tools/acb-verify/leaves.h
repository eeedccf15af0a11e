// The leaf of each entry against the tiles, and who of the two is wrong.
#pragma once

#include <optional>
#include <vector>

#include "tools/acb-verify/findings.h"
#include "tools/acb-verify/signed_tree.h"

namespace acb::verify {

// Entries come in order from the first on; Finish after the last. One thread.
class LeafComparison {
 public:
  LeafComparison(const SignedTree& tree, Findings& findings) : tree_(tree), findings_(findings) {}

  // kConfiguration: the file cannot be read. An index beyond the tree is said once.
  Status See(std::uint64_t index, const Sha256Digest& leaf);
  Status Finish();
  // Entries that are in the signed tree where they stand.
  std::uint64_t proven() const { return proven_; }

 private:
  Status Begin(std::uint64_t tile);
  void End();

  const SignedTree& tree_;
  Findings& findings_;
  std::optional<std::uint64_t> tile_;
  bool has_tile_ = false;
  std::vector<Sha256Digest> in_tile_;
  std::vector<Sha256Digest> with_entries_;  // the tile's, with the entries' in their places
  std::uint64_t first_ = 0;                 // entry of this tile that was seen first
  std::uint64_t seen_ = 0;                  // in this tile
  std::optional<std::uint64_t> differs_;    // the first that is not what the tile has
  std::uint64_t proven_ = 0;
  bool beyond_ = false;
};

}  // namespace acb::verify
