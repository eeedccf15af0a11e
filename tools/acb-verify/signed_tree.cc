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
  for (unsigned level = 1; level < audit::kTileLevels && tree.CountAt(level) > 0; ++level) {
    if (Status loaded = tree.LoadLevel(level, findings); !loaded) return std::move(loaded).error();
  }
  // The edge of level 0 may be wrong where an entry is; then the entries' own pass says so.
  const auto edge = tree.Leaves(size / audit::kTileWidth);
  if (!edge) return edge.error();
  const std::vector<Sha256Digest> leaves = edge->value_or(std::vector<Sha256Digest>());
  tree.authentic_ = tree.HasWholeLevels() && tree.IsRootWith(leaves);
  if (tree.authentic_) return tree;
  const SignedTree before = tree;
  tree.Mend(leaves, findings);
  return tree.authentic_ ? std::move(tree) : before;
}

// A tile that is missing or cut is said once, and stands as zeros.
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
      decoded.emplace(tile.width);
    }
    hashes.insert(hashes.end(), decoded->begin(), decoded->end());
  }
  return Done{};
}

// Each full tile hashes to its place in the level above.
bool SignedTree::HasWholeLevels() const {
  for (std::size_t i = 0; i + 1 < levels_.size(); ++i) {
    for (std::size_t index = 0; index < levels_[i + 1].size(); ++index) {
      if (RootOf(TileOf(i, index)) != levels_[i + 1][index]) return false;
    }
  }
  return true;
}

std::vector<Sha256Digest> SignedTree::TileOf(std::size_t level, std::size_t index) const {
  const auto begin =
      levels_[level].begin() + static_cast<std::ptrdiff_t>(index * audit::kTileWidth);
  return {begin, begin + audit::kTileWidth};
}

// Every hash from the tile below it, where that is there.
void SignedTree::Mend(const std::vector<Sha256Digest>& edge, Findings& findings) {
  std::string wrong;
  for (std::size_t i = 0; i < levels_.size(); ++i) {
    for (std::size_t index = 0; index < levels_[i].size(); ++index) {
      Sha256Digest below{};
      if (i > 0) {
        below = RootOf(TileOf(i - 1, index));
      } else if (const auto leaves = Leaves(index); leaves && leaves->has_value()) {
        below = RootOf(**leaves);
      } else {
        continue;
      }
      if (below == levels_[i][index]) continue;
      levels_[i][index] = below;
      const std::uint64_t tile = index / audit::kTileWidth;
      const auto level = static_cast<unsigned>(i + 1);
      if (wrong.empty()) {
        wrong = audit::PathOf(
            {.level = level, .index = tile, .width = audit::TileWidthAt(size_, level, tile)});
      }
    }
  }
  authentic_ = IsRootWith(edge);
  if (!authentic_) return;
  findings.Fails(wrong + " is wrong: the tiles below it hash to the signed root without it");
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
