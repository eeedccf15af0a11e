#include "firmware/audit/merkle.h"

#include <gtest/gtest.h>

#include <bit>
#include <boost/json.hpp>
#include <map>
#include <string>

#include "firmware/audit/entry.h"
#include "firmware/audit/tile.h"
#include "firmware/base/base64.h"
#include "tests/support/shared.h"

namespace acb::audit {
namespace {

boost::json::value Vectors() {
  return boost::json::parse(
      testing::ReadText(testing::SharedDir() / "vectors" / "rfc6962-merkle" / "merkle-open.json"));
}

// Nothing for what is no hash (some vectors have one cut off): it is refused where it is read.
std::optional<Sha256Digest> HashIn(const boost::json::value& text) {
  return ToDigest(FromBase64(text.as_string()).value_or(Bytes{}));
}

std::uint64_t NumberIn(const boost::json::value& test, std::string_view name) {
  return test.at(name).to_number<std::uint64_t>();
}

std::optional<Proof> ProofIn(const boost::json::value& test) {
  Proof proof;
  if (test.at("proof").is_null()) return proof;
  for (const auto& text : test.at("proof").as_array()) {
    const auto digest = HashIn(text);
    if (!digest) return {};
    proof.push_back(*digest);
  }
  return proof;
}

TEST(InclusionProof, AgreesWithEveryPublicVector) {
  ACB_NEED_SHARED();
  const auto vectors = Vectors();
  int good = 0;
  int bad = 0;
  for (const auto& test : vectors.at("inclusion").as_array()) {
    SCOPED_TRACE(test.at("name").as_string());
    const auto proof = ProofIn(test);
    const auto leaf = HashIn(test.at("leafHash"));
    const auto root = HashIn(test.at("root"));
    const bool verified = proof && leaf && root &&
                          VerifyInclusion(NumberIn(test, "leafIdx"), NumberIn(test, "treeSize"),
                                          *leaf, *proof, *root);
    EXPECT_EQ(verified, !test.at("wantErr").as_bool());
    ++(verified ? good : bad);
  }
  EXPECT_EQ(good, 4);
  EXPECT_EQ(bad, 49);
}

TEST(ConsistencyProof, AgreesWithEveryPublicVector) {
  ACB_NEED_SHARED();
  const auto vectors = Vectors();
  int good = 0;
  int bad = 0;
  for (const auto& test : vectors.at("consistency").as_array()) {
    SCOPED_TRACE(test.at("name").as_string());
    const auto proof = ProofIn(test);
    const auto old_root = HashIn(test.at("root1"));
    const auto root = HashIn(test.at("root2"));
    const bool verified = proof && old_root && root &&
                          VerifyConsistency(NumberIn(test, "size1"), NumberIn(test, "size2"),
                                            *old_root, *root, *proof);
    EXPECT_EQ(verified, !test.at("wantErr").as_bool());
    ++(verified ? good : bad);
  }
  EXPECT_EQ(good, 3);
  EXPECT_EQ(bad, 40);
}

// The tree as RFC 6962 section 2.1 writes it down, with no thought of speed.
class PlainTree {
 public:
  explicit PlainTree(std::uint64_t size) {
    for (std::uint64_t i = 0; i < size; ++i) leaves_.push_back(LeafHash(std::to_string(i)));
  }
  Sha256Digest Root(std::uint64_t size) const { return HashOf(0, size); }
  const Sha256Digest& leaf(std::uint64_t index) const { return leaves_[index]; }

  SubtreeSource Source() const {
    return [this](unsigned level, std::uint64_t index) -> Result<Sha256Digest> {
      const std::uint64_t begin = index << level;
      const std::uint64_t end = begin + (std::uint64_t{1} << level);
      if (end > leaves_.size()) return Failure(Reason::kNotFound);
      return HashOf(begin, end);
    };
  }
  // The same by tiles, as a reader of the log has them.
  SubtreeSource SourceByTiles(std::uint64_t size) const {
    return SubtreesFrom(
        [this](const Tile& tile) -> Result<std::vector<Sha256Digest>> {
          std::vector<Sha256Digest> hashes;
          const unsigned level = kTileHeight * tile.level;
          for (std::uint64_t i = 0; i < tile.width; ++i) {
            const std::uint64_t begin = (tile.index * kTileWidth + i) << level;
            hashes.push_back(HashOf(begin, begin + (std::uint64_t{1} << level)));
          }
          return hashes;
        },
        size);
  }

 private:
  Sha256Digest HashOf(std::uint64_t begin, std::uint64_t end) const {
    if (begin == end) return Sha256(BytesView());
    if (end - begin == 1) return leaves_[begin];
    const std::uint64_t middle = begin + std::bit_floor(end - begin - 1);
    return NodeHash(HashOf(begin, middle), HashOf(middle, end));
  }
  std::vector<Sha256Digest> leaves_;
};

constexpr std::uint64_t kSizes = 70;

TEST(MerkleTree, RootFromSubtreesIsThatOfTheDefinition) {
  const PlainTree tree(kSizes);
  Peaks peaks;
  for (std::uint64_t size = 0; size <= kSizes; ++size) {
    EXPECT_EQ(*RootFrom(tree.Source(), size), tree.Root(size)) << size;
    EXPECT_EQ(peaks.Root(), tree.Root(size)) << size;
    if (size < kSizes) peaks.Add(0, tree.leaf(size));
  }
}

TEST(InclusionProof, MadeForEveryLeafOfEveryTreeVerifiesAndForNoOtherLeaf) {
  const PlainTree tree(kSizes);
  for (std::uint64_t size = 1; size <= kSizes; ++size) {
    for (std::uint64_t index = 0; index < size; ++index) {
      const auto proof = MakeInclusionProof(tree.Source(), index, size);
      ASSERT_TRUE(proof.has_value());
      EXPECT_TRUE(VerifyInclusion(index, size, tree.leaf(index), *proof, tree.Root(size)));
      const std::uint64_t other = (index + 1) % size;
      if (other == index) continue;
      EXPECT_FALSE(VerifyInclusion(other, size, tree.leaf(index), *proof, tree.Root(size)));
      EXPECT_FALSE(VerifyInclusion(index, size, tree.leaf(other), *proof, tree.Root(size)));
    }
  }
}

TEST(ConsistencyProof, MadeBetweenAnyTwoTreesVerifiesAndNotForAnotherOne) {
  const PlainTree tree(kSizes);
  for (std::uint64_t size = 1; size <= kSizes; ++size) {
    for (std::uint64_t old_size = 1; old_size <= size; ++old_size) {
      const auto proof = MakeConsistencyProof(tree.Source(), old_size, size);
      ASSERT_TRUE(proof.has_value());
      const Sha256Digest root = tree.Root(size);
      EXPECT_TRUE(VerifyConsistency(old_size, size, tree.Root(old_size), root, *proof));
      if (old_size == size) continue;
      EXPECT_FALSE(VerifyConsistency(old_size, size, tree.Root(old_size - 1), root, *proof));
      EXPECT_FALSE(VerifyConsistency(old_size, size, tree.Root(old_size), tree.Root(1),
                                     size == 1 ? Proof{root} : *proof));
    }
  }
}

// Over the edges of tiles too. The roots are made level by level, which shares nothing with Peaks.
class WideTree {
 public:
  explicit WideTree(std::uint64_t size) : levels_(1) {
    for (std::uint64_t i = 0; i < size; ++i) levels_[0].push_back(LeafHash(std::to_string(i)));
    while (levels_.back().size() > 1) {
      std::vector<Sha256Digest> above;
      for (std::size_t i = 1; i < levels_.back().size(); i += 2) {
        above.push_back(NodeHash(levels_.back()[i - 1], levels_.back()[i]));
      }
      levels_.push_back(std::move(above));
    }
    for (std::uint64_t i = 1; i <= size; ++i) roots_.push_back(RootByLevels(i));
  }
  const Sha256Digest& Root(std::uint64_t size) const { return roots_[size - 1]; }
  const Sha256Digest& leaf(std::uint64_t index) const { return levels_[0][index]; }
  SubtreeSource Source() const {
    return [this](unsigned level, std::uint64_t index) -> Result<Sha256Digest> {
      if (level >= levels_.size() || index >= levels_[level].size()) {
        return Failure(Reason::kNotFound);
      }
      return levels_[level][index];
    };
  }

 private:
  // Pairs are joined; the last of an odd number goes up as it is.
  Sha256Digest RootByLevels(std::uint64_t size) const {
    std::optional<Sha256Digest> rest;
    for (std::size_t level = 0;; ++level, size /= 2) {
      if (size == 1) return rest ? NodeHash(levels_[level][0], *rest) : levels_[level][0];
      if (size % 2 == 0) continue;
      const Sha256Digest& last = levels_[level][size - 1];
      rest = rest ? NodeHash(last, *rest) : last;
    }
  }
  std::vector<std::vector<Sha256Digest>> levels_;  // of complete subtrees
  std::vector<Sha256Digest> roots_;
};

constexpr std::uint64_t kWide = 600;

TEST(InclusionProof, VerifiesForEveryLeafOfEveryTreeOverTheEdgesOfTiles) {
  const WideTree tree(kWide);
  std::uint64_t wrong = 0;
  for (std::uint64_t size = 1; size <= kWide; ++size) {
    for (std::uint64_t index = 0; index < size; ++index) {
      const auto proof = MakeInclusionProof(tree.Source(), index, size);
      if (!proof || !VerifyInclusion(index, size, tree.leaf(index), *proof, tree.Root(size))) {
        ++wrong;
      }
    }
  }
  EXPECT_EQ(wrong, 0u);
}

TEST(ConsistencyProof, VerifiesBetweenEveryTwoTreesOverTheEdgesOfTiles) {
  const WideTree tree(kWide);
  std::uint64_t wrong = 0;
  for (std::uint64_t size = 1; size <= kWide; ++size) {
    for (std::uint64_t old = 1; old <= size; ++old) {
      const auto proof = MakeConsistencyProof(tree.Source(), old, size);
      if (!proof || !VerifyConsistency(old, size, tree.Root(old), tree.Root(size), *proof)) {
        ++wrong;
      }
    }
  }
  EXPECT_EQ(wrong, 0u);
}

TEST(Tiles, GiveTheProofsOfATreeOfThreeLevels) {
  constexpr std::uint64_t kSize = 256 * 3 + 17;
  const PlainTree tree(kSize);
  const SubtreeSource tiles = tree.SourceByTiles(kSize);
  EXPECT_EQ(*RootFrom(tiles, kSize), tree.Root(kSize));
  for (const std::uint64_t index : {0u, 255u, 256u, 700u, 768u, 784u}) {
    EXPECT_EQ(*MakeInclusionProof(tiles, index, kSize),
              *MakeInclusionProof(tree.Source(), index, kSize));
    if (index == 0) continue;
    EXPECT_EQ(*MakeConsistencyProof(tiles, index, kSize),
              *MakeConsistencyProof(tree.Source(), index, kSize));
  }
}

TEST(Tiles, RefuseASubtreeThatTheTreeHasNot) {
  const PlainTree tree(300);
  const SubtreeSource tiles = tree.SourceByTiles(300);
  EXPECT_TRUE(tiles(8, 0));
  EXPECT_FALSE(tiles(8, 1));
  EXPECT_TRUE(tiles(0, 299));
  EXPECT_FALSE(tiles(0, 300));
  EXPECT_FALSE(tiles(63, ~std::uint64_t{0}));
}

TEST(InclusionProof, IsNotMadeForAnEntryBeyondTheTree) {
  const PlainTree tree(5);
  EXPECT_TRUE(MakeInclusionProof(tree.Source(), 4, 5));
  const auto beyond = MakeInclusionProof(tree.Source(), 5, 5);
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().reason, Reason::kNotFound);
}

TEST(ConsistencyProof, IsNotMadeFromAnEmptyOrGreaterTree) {
  const PlainTree tree(5);
  EXPECT_TRUE(MakeConsistencyProof(tree.Source(), 5, 5));
  EXPECT_FALSE(MakeConsistencyProof(tree.Source(), 0, 5));
  EXPECT_FALSE(MakeConsistencyProof(tree.Source(), 6, 5));
}

TEST(ConsistencyProof, OfTwoEmptyTreesIsEmpty) {
  const Sha256Digest empty = Sha256(BytesView());
  EXPECT_TRUE(VerifyConsistency(0, 0, empty, empty, {}));
  EXPECT_FALSE(VerifyConsistency(0, 0, empty, empty, {empty}));
  EXPECT_FALSE(VerifyConsistency(0, 1, empty, empty, {}));
}

}  // namespace
}  // namespace acb::audit
