#include "firmware/audit/tile.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace acb::audit {
namespace {

constexpr std::string_view kPrefix = "tile/";
constexpr std::string_view kEntries = "entries";
constexpr std::string_view kPartial = ".p/";
constexpr std::uint64_t kGroup = 1000;  // three digits an element
// "x018/x446/x744/x073/x709/x551/615", the greatest number there is, with the rest around it.
constexpr std::size_t kMaxPath = 64;

// "Encoded into zero-padded 3-digit path elements. All but the last path element MUST begin with an
// x."
std::string IndexText(std::uint64_t index) {
  const auto three = [](std::uint64_t group) {
    std::string digits = std::to_string(group);
    return std::string(3 - digits.size(), '0') + digits;
  };
  std::string text = three(index % kGroup);
  for (index /= kGroup; index > 0; index /= kGroup) text = "x" + three(index % kGroup) + "/" + text;
  return text;
}

// A decimal number without sign or superfluous zeros; nothing otherwise.
std::optional<std::uint64_t> Decimal(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  if (text.size() > 1 && text.front() == '0') return {};
  return number;
}

// Its digits alone, however grouped: the caller compares with what IndexText writes.
std::optional<std::uint64_t> IndexOf(std::string_view text) {
  std::string digits;
  for (const char c : text) {
    if (c != 'x' && c != '/') digits.push_back(c);
  }
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size() - 1));
  return Decimal(digits);
}

}  // namespace

std::string PathOf(const Tile& tile) {
  std::string path(kPrefix);
  path += tile.entries ? std::string(kEntries) : std::to_string(tile.level);
  path += "/" + IndexText(tile.index);
  if (tile.width != kTileWidth) path += std::string(kPartial) + std::to_string(tile.width);
  return path;
}

std::optional<Tile> ParseTilePath(std::string_view path) {
  const std::string_view whole = path;
  if (path.size() > kMaxPath || !path.starts_with(kPrefix)) return {};
  path.remove_prefix(kPrefix.size());
  const std::size_t slash = path.find('/');
  if (slash == std::string_view::npos || slash + 1 == path.size()) return {};
  Tile tile;
  tile.entries = path.substr(0, slash) == kEntries;
  if (!tile.entries) {
    const auto level = Decimal(path.substr(0, slash));
    if (!level || *level >= kTileLevels) return {};
    tile.level = static_cast<unsigned>(*level);
  }
  path.remove_prefix(slash + 1);
  if (const std::size_t partial = path.find(kPartial); partial != std::string_view::npos) {
    const auto width = Decimal(path.substr(partial + kPartial.size()));
    if (!width || *width == 0 || *width >= kTileWidth) return {};
    tile.width = static_cast<unsigned>(*width);
    path = path.substr(0, partial);
  }
  if (path.empty()) return {};
  const auto index = IndexOf(path);
  if (!index) return {};
  tile.index = *index;
  // One path for each tile: what is written otherwise is none.
  if (PathOf(tile) != whole) return {};
  return tile;
}

unsigned TileWidthAt(std::uint64_t size, unsigned level, std::uint64_t index) {
  if (level >= kTileLevels) return 0;
  const std::uint64_t hashes = size >> (kTileHeight * level);
  if (index > hashes / kTileWidth) return 0;
  return static_cast<unsigned>(std::min(hashes - index * kTileWidth, kTileWidth));
}

std::optional<Bytes> EncodeBundle(std::span<const std::string> entries) {
  ByteWriter out;
  for (const std::string& entry : entries) {
    if (entry.size() > kMaxEntryOctets) return {};
    out.U16(static_cast<std::uint16_t>(entry.size())).Raw(AsBytes(entry));
  }
  return std::move(out).bytes();
}

std::optional<std::vector<std::string>> DecodeBundle(BytesView octets, unsigned count) {
  if (count == 0 || count > kTileWidth) return {};
  std::vector<std::string> entries;
  ByteReader in(octets);
  for (unsigned i = 0; i < count && in.ok(); ++i) {
    const std::size_t length = in.U16();
    entries.emplace_back(AsText(in.Raw(length)));
  }
  if (!in.Finished()) return {};
  return entries;
}

std::optional<std::vector<Sha256Digest>> DecodeTile(BytesView octets, unsigned width) {
  constexpr std::size_t kHash = std::tuple_size_v<Sha256Digest>;
  if (width == 0 || width > kTileWidth || octets.size() != width * kHash) return {};
  std::vector<Sha256Digest> hashes;
  for (; !octets.empty(); octets = octets.subspan(kHash)) {
    hashes.push_back(*ToDigest(octets.first(kHash)));
  }
  return hashes;
}

SubtreeSource SubtreesFrom(TileReader read, std::uint64_t size) {
  return
      [read = std::move(read), size](unsigned level, std::uint64_t index) -> Result<Sha256Digest> {
        const unsigned tile_level = level / kTileHeight;
        const unsigned above = level % kTileHeight;  // levels above the tile's hashes: 0 .. 7
        const std::uint64_t first = index << above;  // of the hashes of that level
        const std::uint64_t count = std::uint64_t{1} << above;
        Tile tile{.level = tile_level, .index = first / kTileWidth};
        tile.width = TileWidthAt(size, tile_level, tile.index);
        const std::uint64_t offset = first % kTileWidth;
        if ((first >> above) != index || offset + count > tile.width) {
          return Failure(Reason::kNotFound, {}, "the tree has no such subtree");
        }
        const auto hashes = read(tile);
        if (!hashes) return hashes.error();
        if (hashes->size() != tile.width) {
          return Failure(Reason::kNotFound, {}, PathOf(tile) + " has the wrong length");
        }
        Peaks peaks;
        for (std::uint64_t i = 0; i < count; ++i) peaks.Add(0, (*hashes)[offset + i]);
        return peaks.Root();
      };
}

}  // namespace acb::audit
