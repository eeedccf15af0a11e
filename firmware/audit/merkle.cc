#include "firmware/audit/merkle.h"

#include <algorithm>
#include <array>
#include <bit>
#include <string>

namespace acb::audit {
namespace {

// The leaves begin .. end - 1 of a tree.
struct Range {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::uint64_t size() const { return end - begin; }
};

// "k be the largest power of two smaller than n", n > 1.
std::uint64_t SplitOf(std::uint64_t n) { return std::bit_floor(n - 1); }

// The hash of a range that RFC 6962 makes a subtree: it starts at a multiple of its greatest
// complete part.
Result<Sha256Digest> HashOf(const SubtreeSource& source, Range range) {
  Peaks peaks;
  while (range.size() > 0) {
    const auto level = static_cast<unsigned>(std::bit_width(range.size()) - 1);
    const auto hash = source(level, range.begin >> level);
    if (!hash) return hash.error();
    peaks.Add(level, *hash);
    range.begin += std::uint64_t{1} << level;
  }
  return peaks.Root();
}

// What a proof is made of, from the root down; the proof has them from the leaf up.
Result<Proof> HashesOf(const SubtreeSource& source, const std::vector<Range>& from_the_top) {
  Proof proof;
  for (auto range = from_the_top.rbegin(); range != from_the_top.rend(); ++range) {
    const auto hash = HashOf(source, *range);
    if (!hash) return hash.error();
    proof.push_back(*hash);
  }
  return proof;
}

}  // namespace

std::optional<Sha256Digest> ToDigest(BytesView octets) {
  Sha256Digest digest;
  if (octets.size() != digest.size()) return {};
  std::ranges::copy(octets, digest.begin());
  return digest;
}

Sha256Digest NodeHash(const Sha256Digest& left, const Sha256Digest& right) {
  constexpr std::array<std::uint8_t, 1> kNodePrefix = {0x01};
  return Sha256({kNodePrefix, left, right});
}

void Peaks::Add(unsigned height, Sha256Digest hash) {
  while (!peaks_.empty() && peaks_.back().height == height) {
    hash = NodeHash(peaks_.back().hash, hash);
    peaks_.pop_back();
    ++height;
  }
  peaks_.push_back({height, hash});
}

// RFC 6962 splits at the largest power of two: the rightmost are joined first.
Sha256Digest Peaks::Root() const {
  if (peaks_.empty()) return Sha256(BytesView());
  Sha256Digest hash = peaks_.back().hash;
  for (auto left = peaks_.rbegin() + 1; left != peaks_.rend(); ++left) {
    hash = NodeHash(left->hash, hash);
  }
  return hash;
}

// RFC 9162 section 2.1.3.2, which is RFC 6962's tree: `node` climbs from the leaf, `last` from the
// last leaf.
bool VerifyInclusion(std::uint64_t index, std::uint64_t size, const Sha256Digest& leaf,
                     const Proof& proof, const Sha256Digest& root) {
  if (index >= size || proof.size() > kMaxProofHashes) return false;
  std::uint64_t node = index;
  std::uint64_t last = size - 1;
  Sha256Digest hash = leaf;
  for (const Sha256Digest& beside : proof) {
    if (last == 0) return false;  // more hashes than levels
    if ((node & 1) == 1 || node == last) {
      hash = NodeHash(beside, hash);
      // A node without a right neighbour is its parent.
      while ((node & 1) == 0 && node != 0) {
        node >>= 1;
        last >>= 1;
      }
    } else {
      hash = NodeHash(hash, beside);
    }
    node >>= 1;
    last >>= 1;
  }
  return last == 0 && hash == root;
}

// RFC 9162 section 2.1.4.2.
bool VerifyConsistency(std::uint64_t old_size, std::uint64_t size, const Sha256Digest& old_root,
                       const Sha256Digest& root, const Proof& proof) {
  if (old_size == size) return proof.empty() && old_root == root;
  if (old_size == 0 || old_size > size) return false;
  if (proof.empty() || proof.size() > kMaxProofHashes) return false;
  std::uint64_t node = old_size - 1;
  std::uint64_t last = size - 1;
  while ((node & 1) == 1) {
    node >>= 1;
    last >>= 1;
  }
  // An older tree of a power of two is itself the subtree that the proof starts with.
  auto beside = proof.begin();
  const Sha256Digest first = std::has_single_bit(old_size) ? old_root : *beside++;
  Sha256Digest old_hash = first;
  Sha256Digest hash = first;
  for (; beside != proof.end(); ++beside) {
    if (last == 0) return false;
    if ((node & 1) == 1 || node == last) {
      old_hash = NodeHash(*beside, old_hash);
      hash = NodeHash(*beside, hash);
      while ((node & 1) == 0 && node != 0) {
        node >>= 1;
        last >>= 1;
      }
    } else {
      hash = NodeHash(hash, *beside);
    }
    node >>= 1;
    last >>= 1;
  }
  return last == 0 && old_hash == old_root && hash == root;
}

Result<Sha256Digest> RootFrom(const SubtreeSource& source, std::uint64_t size) {
  return HashOf(source, {0, size});
}

Result<Proof> MakeInclusionProof(const SubtreeSource& source, std::uint64_t index,
                                 std::uint64_t size) {
  if (index >= size) {
    return Failure(Reason::kNotFound, "a tree of " + std::to_string(size) +
                                          " entries has no entry " + std::to_string(index));
  }
  std::vector<Range> beside;
  Range around{0, size};
  while (around.size() > 1) {
    const std::uint64_t middle = around.begin + SplitOf(around.size());
    if (index < middle) {
      beside.push_back({middle, around.end});
      around.end = middle;
    } else {
      beside.push_back({around.begin, middle});
      around.begin = middle;
    }
  }
  return HashesOf(source, beside);
}

Result<Proof> MakeConsistencyProof(const SubtreeSource& source, std::uint64_t old_size,
                                   std::uint64_t size) {
  if (old_size == 0 || old_size > size) {
    return Failure(Reason::kNotFound, "no proof leads from a tree of " + std::to_string(old_size) +
                                          " entries to one of " + std::to_string(size));
  }
  std::vector<Range> parts;
  Range around{0, size};
  while (old_size != around.end) {
    const std::uint64_t middle = around.begin + SplitOf(around.size());
    if (old_size <= middle) {
      parts.push_back({middle, around.end});
      around.end = middle;
    } else {
      parts.push_back({around.begin, middle});
      around.begin = middle;
    }
  }
  // Left of nothing, the subtree is the older tree itself, whose root the verifier has.
  if (around.begin != 0) parts.push_back(around);
  return HashesOf(source, parts);
}

}  // namespace acb::audit
