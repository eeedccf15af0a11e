#include "tools/acb-verify/leaves.h"

namespace acb::verify {

Status LeafComparison::Begin(std::uint64_t tile) {
  tile_ = tile;
  auto leaves = tree_.Leaves(tile);
  if (!leaves) return std::move(leaves).error();
  has_tile_ = leaves->has_value();
  in_tile_ = has_tile_ ? **leaves : std::vector<Sha256Digest>();
  with_entries_ = in_tile_;
  with_entries_.resize(audit::TileWidthAt(tree_.size(), 0, tile));
  seen_ = 0;
  differs_.reset();
  return Done{};
}

Status LeafComparison::See(std::uint64_t index, const Sha256Digest& leaf) {
  const std::uint64_t tile = index / audit::kTileWidth;
  if (index >= tree_.size()) {
    if (!beyond_) findings_.EntryFails(index, "it is beyond the tree of the checkpoint");
    beyond_ = true;
    return Done{};
  }
  if (tile_ != tile) {
    End();
    if (Status begun = Begin(tile); !begun) return begun;
    first_ = index;
  }
  const std::size_t place = static_cast<std::size_t>(index % audit::kTileWidth);
  with_entries_.at(place) = leaf;
  ++seen_;
  const bool same = has_tile_ && in_tile_.at(place) == leaf;
  if (!same && !differs_) differs_ = index;
  return Done{};
}

// The checkpoint tells: its tree has either the tile or the entries.
void LeafComparison::End() {
  if (!tile_) return;
  const std::string name =
      audit::PathOf({.index = *tile_, .width = audit::TileWidthAt(tree_.size(), 0, *tile_)});
  const bool entries_right = tree_.Confirms(*tile_, with_entries_);
  const bool tile_right =
      has_tile_ && (in_tile_ == with_entries_ ? entries_right : tree_.Confirms(*tile_, in_tile_));
  if (entries_right) proven_ += seen_;
  if (!has_tile_) {
    findings_.Fails(name + " is missing or has another size" +
                    (entries_right ? "; the entries under it are those of the checkpoint" : ""));
    if (!entries_right) {
      findings_.EntryFails(first_, "entries from here on are not shown to be in the signed tree");
    }
  } else if (differs_ && tile_right) {
    findings_.EntryFails(*differs_,
                         "it is not the entry of the signed tree: its leaf differs from " + name +
                             ", which the checkpoint confirms");
  } else if (differs_ && entries_right) {
    findings_.Fails(name + " is wrong at entry " + std::to_string(*differs_) +
                    "; the entry is the one that the checkpoint confirms");
  } else if (differs_) {
    findings_.EntryFails(*differs_,
                         "it and " + name + " differ, and the checkpoint confirms neither");
  } else if (!entries_right) {
    findings_.EntryFails(first_, "entries " + std::to_string(first_) + " to " +
                                     std::to_string(first_ + seen_ - 1) + " and " + name +
                                     " agree, but are not those of the signed tree");
  }
  tile_.reset();
}

Status LeafComparison::Finish() {
  End();
  return Done{};
}

}  // namespace acb::verify
