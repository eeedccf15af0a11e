#include "tools/acb-verify/layout.h"

#include <algorithm>
#include <array>

#include "firmware/audit/tile.h"

namespace acb::verify {
namespace {

constexpr std::array<std::string_view, 8> kBeforeTiles = {
    "entries.ndjson",       "disclosures.ndjson", "evidence.ndjson", "certificates.pem",
    "revocation-lists.pem", "trust.json",         "keys.json",       "checkpoints"};
constexpr std::array<std::string_view, 3> kBehindTiles = {"summary.html", "manifest.json",
                                                          "manifest.sig"};
constexpr std::array<std::string_view, 2> kOfSscOnly = {"disclosures.ndjson", "evidence.ndjson"};

// Compares the files with what is expected, one after the other.
class Comparison {
 public:
  Comparison(const ExportFile& file, Findings& findings)
      : files_(file.contents().files), findings_(findings) {}

  // False when the next file is another one.
  bool Expect(std::string_view name) {
    const std::string found = next_ < files_.size() ? files_[next_].name : "";
    if (found == name) {
      ++next_;
      return true;
    }
    findings_.Fails("file " + std::to_string(next_ + 1) + " of the container is " +
                    (found.empty() ? "not there" : "'" + found + "'") +
                    "; an export of this range has '" + std::string(name) + "' there");
    return false;
  }
  void ExpectEnd() {
    if (next_ == files_.size()) return;
    findings_.Fails("an export of this range has no file '" + files_[next_].name + "'");
  }

 private:
  const std::vector<audit::ContainerFile>& files_;
  Findings& findings_;
  std::size_t next_ = 0;
};

// Those of level 0 that overlap the range, the right edge, and all above.
bool ExpectTiles(const Manifest& manifest, Comparison& comparison) {
  const std::uint64_t size = manifest.tree_size;
  for (unsigned level = 0; level < audit::kTileLevels; ++level) {
    const std::uint64_t hashes = size >> (audit::kTileHeight * level);
    if (hashes == 0) break;
    const std::uint64_t last = hashes / audit::kTileWidth;
    std::uint64_t index = level == 0 ? manifest.range.first / audit::kTileWidth : 0;
    for (; index <= last; ++index) {  // ends with the files at the latest
      if (level == 0 && index > (manifest.range.end - 1) / audit::kTileWidth) index = last;
      const unsigned width = audit::TileWidthAt(size, level, index);
      if (width == 0) break;
      if (!comparison.Expect(audit::PathOf({.level = level, .index = index, .width = width}))) {
        return false;
      }
    }
  }
  return true;
}

}  // namespace

void CheckLayout(const ExportFile& file, const Manifest& manifest, Findings& findings) {
  Comparison comparison(file, findings);
  for (const std::string_view name : kBeforeTiles) {
    const bool of_ssc = std::ranges::find(kOfSscOnly, name) != kOfSscOnly.end();
    if (manifest.range.panel && of_ssc) continue;
    if (!comparison.Expect(name)) return;
  }
  if (!ExpectTiles(manifest, comparison)) return;
  for (const std::string_view name : kBehindTiles) {
    if (!comparison.Expect(name)) return;
  }
  comparison.ExpectEnd();
}

bool HasRoomForTiles(const ExportFile& file, std::uint64_t size) {
  // Some may be missing, which is said of each.
  constexpr std::uint64_t kMissing = 64;
  std::uint64_t tiles = 0;
  for (unsigned level = 1; level < audit::kTileLevels; ++level) {
    tiles += (size >> (audit::kTileHeight * level)) / audit::kTileWidth;
  }
  return tiles <= file.contents().files.size() + kMissing;
}

}  // namespace acb::verify
