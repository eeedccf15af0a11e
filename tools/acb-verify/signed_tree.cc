#include "tools/acb-verify/signed_tree.h"

#include <algorithm>

namespace acb::verify {
namespace {

constexpr std::uint64_t kMaxTileOctets = audit::kTileWidth * 32;

Sha256Digest RootOf(const std::vector<Sha256Digest>& hashes) {
  audit::Peaks peaks;
  for (const Sha256Digest& hash : hashes) peaks.Add(0, hash);
  return peaks.Root();
}

}  // namespace

std::uint64_t SignedTree::CountAt(unsigned level) const {
  return size_ >> (level * audit::kTileHeight);
}

std::size_t SignedTree::octets() const {
  std::size_t octets = 0;
  for (const auto& level : levels_) octets += level.size() * sizeof(Sha256Digest);
  return octets;
}

Result<SignedTree> SignedTree::Load(const ExportFile& file, std::uint64_t size,
                                    const Sha256Digest& root, Findings& findings) {
  SignedTree tree(file, size, root);
  const std::uint64_t before = findings.failures();
  for (unsigned level = 1; level < audit::kTileLevels && tree.CountAt(level) > 0; ++level) {
    if (Status loaded = tree.LoadLevel(level, findings); !loaded) return std::move(loaded).error();
  }
  if (findings.failures() > before) return tree;
  tree.CheckLevels(findings);
  // The edge of level 0 may be wrong where an entry is; then the entries' own pass says so.
  const auto edge = tree.Leaves(size / audit::kTileWidth);
  if (!edge) return edge.error();
  const bool edge_is_there = size % audit::kTileWidth == 0 || edge->has_value();
  tree.authentic_ =
      findings.failures() == before &&
      (edge_is_there ? tree.IsRootWith(edge->value_or(std::vector<Sha256Digest>())) : false);
  return tree;
}

// A hash that is missing or cut is said once, and stands as zeros.
Status SignedTree::LoadLevel(unsigned level, Findings& findings) {
  std::vector<Sha256Digest>& hashes = levels_.emplace_back();
  const std::uint64_t count = CountAt(level);
  for (std::uint64_t index = 0; hashes.size() < count; ++index) {
    const audit::Tile tile{
        .level = level, .index = index, .width = audit::TileWidthAt(size_, level, index)};
    const std::string path = audit::PathOf(tile);
    const auto octets = file_.ReadWhole(path, kMaxTileOctets);
    if (!octets && octets.error().reason == Reason::kConfiguration) return octets.error();
    auto decoded = octets ? audit::DecodeTile(AsBytes(*octets), tile.width) : std::nullopt;
    if (!decoded) {
      findings.Fails(path + " is missing, or has not the size of a tile of " +
                     std::to_string(tile.width) + " hashes");
      return Done{};
    }
    hashes.insert(hashes.end(), decoded->begin(), decoded->end());
  }
  return Done{};
}

// Each full tile hashes to its place in the level above.
void SignedTree::CheckLevels(Findings& findings) const {
  for (std::size_t i = 0; i + 1 < levels_.size(); ++i) {
    const auto& above = levels_[i + 1];
    for (std::size_t index = 0; index < above.size(); ++index) {
      const auto begin =
          levels_[i].begin() + static_cast<std::ptrdiff_t>(index * audit::kTileWidth);
      const std::vector<Sha256Digest> tile(begin, begin + audit::kTileWidth);
      if (RootOf(tile) == above[index]) continue;
      findings.Fails("tile/" + std::to_string(i + 1) + " number " + std::to_string(index) +
                     " does not hash to its place in tile/" + std::to_string(i + 2));
      return;
    }
  }
}

bool SignedTree::IsRootWith(const std::vector<Sha256Digest>& edge) const {
  audit::Peaks peaks;
  for (std::size_t i = levels_.size(); i > 0; --i) {
    const auto& level = levels_[i - 1];
    const std::uint64_t under_next = i < levels_.size() ? levels_[i].size() << 8U : 0;
    for (std::size_t index = under_next; index < level.size(); ++index) {
      peaks.Add(static_cast<unsigned>(i) * audit::kTileHeight, level[index]);
    }
  }
  for (const Sha256Digest& leaf : edge) peaks.Add(0, leaf);
  return peaks.Root() == root_;
}

Result<std::optional<std::vector<Sha256Digest>>> SignedTree::Leaves(std::uint64_t tile) const {
  using Hashes = std::optional<std::vector<Sha256Digest>>;
  const unsigned width = audit::TileWidthAt(size_, 0, tile);
  if (width == 0) return Hashes();
  const auto octets =
      file_.ReadWhole(audit::PathOf({.index = tile, .width = width}), kMaxTileOctets);
  if (!octets && octets.error().reason == Reason::kConfiguration) return octets.error();
  if (!octets) return Hashes();
  return audit::DecodeTile(AsBytes(*octets), width);
}

bool SignedTree::Confirms(std::uint64_t tile, const std::vector<Sha256Digest>& leaves) const {
  if (leaves.size() != audit::TileWidthAt(size_, 0, tile)) return false;
  if (leaves.size() < audit::kTileWidth) return IsRootWith(leaves);
  return !levels_.empty() && tile < levels_.front().size() &&
         RootOf(leaves) == levels_.front()[tile];
}

Result<Sha256Digest> SignedTree::RootAt(std::uint64_t size) const {
  if (size > size_) return Failure(Reason::kNotFound, "the tree is smaller");
  const auto read = [this](const audit::Tile& tile) -> Result<std::vector<Sha256Digest>> {
    std::vector<Sha256Digest> hashes;
    if (tile.level == 0) {
      const auto leaves = Leaves(tile.index);
      if (!leaves) return leaves.error();
      if (leaves->has_value()) hashes = **leaves;
    } else if (tile.level <= levels_.size()) {
      const auto& level = levels_[tile.level - 1];
      const std::uint64_t from = std::min<std::uint64_t>(tile.index << 8U, level.size());
      const std::uint64_t to = std::min<std::uint64_t>(from + tile.width, level.size());
      hashes.assign(level.begin() + static_cast<std::ptrdiff_t>(from),
                    level.begin() + static_cast<std::ptrdiff_t>(to));
    }
    if (hashes.size() < tile.width) {
      return Failure(Reason::kNotFound, audit::PathOf(tile) + " is not in the export");
    }
    hashes.resize(tile.width);
    return hashes;
  };
  return audit::RootFrom(audit::SubtreesFrom(read, size), size);
}

}  // namespace acb::verify
