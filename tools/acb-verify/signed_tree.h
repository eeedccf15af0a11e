// The Merkle tree of an export, from its tiles, held against the signed checkpoint.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "firmware/audit/merkle.h"
#include "firmware/audit/tile.h"
#include "tools/acb-verify/export_file.h"
#include "tools/acb-verify/findings.h"

namespace acb::verify {

// Tiles of level 1 and above are held in memory: an octet for each eight entries of the log. One
// thread.
class SignedTree {
 public:
  // `size`, `root`: of the checkpoint. Says what is wrong with the tiles above level 0; where those
  // below show what a wrong one should be, and so come to the root, goes on with that.
  // kConfiguration: the file cannot be read.
  static Result<SignedTree> Load(const ExportFile& file, std::uint64_t size,
                                 const Sha256Digest& root, Findings& findings);

  std::uint64_t size() const { return size_; }
  // The hashes above level 0 and the right edge are those of the checkpoint.
  bool authentic() const { return authentic_; }
  // Octets held.
  std::size_t octets() const;

  // The hashes of a tile of level 0: as many as the tree has there; nothing when the export has not
  // the tile, or it has not the size. kConfiguration.
  Result<std::optional<std::vector<Sha256Digest>>> Leaves(std::uint64_t tile) const;
  // Whether these leaves of tile `tile` are those of the checkpoint's tree. Only what is authentic
  // can tell.
  bool Confirms(std::uint64_t tile, const std::vector<Sha256Digest>& leaves) const;
  // The root of the first `size` entries, at most size(). kNotFound: a tile is not in the export.
  Result<Sha256Digest> RootAt(std::uint64_t size) const;

 private:
  SignedTree(const ExportFile& file, std::uint64_t size, const Sha256Digest& root)
      : file_(file), size_(size), root_(root) {}
  Status LoadLevel(unsigned level, Findings& findings);
  bool HasWholeLevels() const;
  std::vector<Sha256Digest> TileOf(std::size_t level, std::size_t index) const;
  void Mend(const std::vector<Sha256Digest>& edge, Findings& findings);
  bool IsRootWith(const std::vector<Sha256Digest>& edge) const;
  std::uint64_t CountAt(unsigned level) const;

  const ExportFile& file_;
  std::uint64_t size_;
  Sha256Digest root_;
  std::vector<std::vector<Sha256Digest>> levels_;  // [0] is level 1
  bool authentic_ = false;
};

}  // namespace acb::verify
