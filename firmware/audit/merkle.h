// The Merkle tree of RFC 6962 section 2.1, as every part reads it: roots, inclusion and consistency
// proofs, made from the hashes of complete subtrees and verified without the log. Links nothing but
// firmware/base: acb-verify uses it. Thread-safe, nothing blocks but a source.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "firmware/base/bytes.h"
#include "firmware/base/result.h"
#include "firmware/base/sha256.h"

namespace acb::audit {

// A tree of fewer than 2^64 leaves is 64 levels high: a longer proof proves nothing.
inline constexpr std::size_t kMaxProofHashes = 64;
using Proof = std::vector<Sha256Digest>;

// Nothing unless there are 32 octets.
std::optional<Sha256Digest> ToDigest(BytesView octets);

// SHA-256(01 || left || right).
Sha256Digest NodeHash(const Sha256Digest& left, const Sha256Digest& right);

// Complete subtrees from left to right, each at least as high as the next: the root of leaves or
// subtrees that come in order, in memory for one hash a level.
class Peaks {
 public:
  // A subtree of 2^height leaves, beside what was added. Adding one that is higher than the
  // rightmost peak is a bug.
  void Add(unsigned height, Sha256Digest hash);
  // SHA-256 of nothing when nothing was added.
  Sha256Digest Root() const;

 private:
  struct Peak {
    unsigned height;
    Sha256Digest hash;
  };
  std::vector<Peak> peaks_;
};

// Whether `proof` shows that the leaf hash `leaf` is number `index` (from 0) of the tree of `size`
// leaves with this root. False for what is no proof: an index beyond the tree, hashes too many or
// too few.
[[nodiscard]] bool VerifyInclusion(std::uint64_t index, std::uint64_t size,
                                   const Sha256Digest& leaf, const Proof& proof,
                                   const Sha256Digest& root);
// Whether `proof` shows that the tree of `size` leaves begins with all `old_size` of the older.
// Equal sizes: the roots are equal and the proof is empty. An older tree of no leaves proves
// nothing: false, unless both are empty.
[[nodiscard]] bool VerifyConsistency(std::uint64_t old_size, std::uint64_t size,
                                     const Sha256Digest& old_root, const Sha256Digest& root,
                                     const Proof& proof);

// Gives the hash of the complete subtree of 2^level leaves that starts at leaf index * 2^level;
// level 0: a leaf hash. Asked for no subtree that the tree has not. A failure ends what asked.
using SubtreeSource = std::function<Result<Sha256Digest>(unsigned level, std::uint64_t index)>;

// The root of the first `size` leaves; that of none is SHA-256 of nothing.
Result<Sha256Digest> RootFrom(const SubtreeSource& source, std::uint64_t size);
// RFC 6962 section 2.1.1. kNotFound: the tree of `size` leaves has no leaf `index`.
Result<Proof> MakeInclusionProof(const SubtreeSource& source, std::uint64_t index,
                                 std::uint64_t size);
// RFC 6962 section 2.1.2. kNotFound: the older tree is empty or greater.
Result<Proof> MakeConsistencyProof(const SubtreeSource& source, std::uint64_t old_size,
                                   std::uint64_t size);

}  // namespace acb::audit
