// Tiles and entry bundles of the audit log (C2SP tlog-tiles): their paths, their octets, and a
// source of subtree hashes that reads them. Thread-safe; nothing blocks but a source.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/audit/merkle.h"
#include "firmware/base/bytes.h"

namespace acb::audit {

// "A tile of height 8": 256 hashes, each the root of one tile of the level below.
inline constexpr unsigned kTileHeight = 8;
inline constexpr std::uint64_t kTileWidth = std::uint64_t{1} << kTileHeight;
// Eight levels of 8 bits: a tree of fewer than 2^64 entries has no more.
inline constexpr unsigned kTileLevels = 64 / kTileHeight;
// The length of an entry in a bundle is two octets.
inline constexpr std::size_t kMaxEntryOctets = 0xFFFF;

struct Tile {
  bool entries = false;         // an entry bundle: beside the tile of level 0 of the same number
  unsigned level = 0;           // 0 .. 7; 0 for a bundle
  std::uint64_t index = 0;      // tiles of the level before it
  unsigned width = kTileWidth;  // 1 .. 256 hashes or entries; 256: a full one
  friend bool operator==(const Tile&, const Tile&) = default;
};

// "tile/0/x001/x234/067", "tile/1/000.p/5", "tile/entries/000".
std::string PathOf(const Tile& tile);
// Nothing for anything that PathOf does not write.
std::optional<Tile> ParseTilePath(std::string_view path);

// How many hashes tile `index` of `level` has in a tree of `size` entries: 0 .. 256. Those of
// bundles are the width of level 0.
unsigned TileWidthAt(std::uint64_t size, unsigned level, std::uint64_t index);

// Each entry after its length, two octets, most significant first. Nothing when one is longer than
// kMaxEntryOctets.
std::optional<Bytes> EncodeBundle(std::span<const std::string> entries);
// Nothing unless `octets` are `count` entries and no more, 1 .. 256.
std::optional<std::vector<std::string>> DecodeBundle(BytesView octets, unsigned count);

// Hashes one after the other. Nothing unless there are `width` of them.
std::optional<std::vector<Sha256Digest>> DecodeTile(BytesView octets, unsigned width);

// Gives the hashes of a tile that is no bundle, `width` of them.
using TileReader = std::function<Result<std::vector<Sha256Digest>>(const Tile&)>;
// Subtree hashes from the tiles of a tree of `size` entries. Asks for partial tiles at the right
// edge, as wide as the tree has them. kNotFound: a subtree that the tree has not.
SubtreeSource SubtreesFrom(TileReader read, std::uint64_t size);

}  // namespace acb::audit
