// The RFC 6962 root over the log, with and without kept subtrees.
#include "store/audit_tree.h"

#include <boost/json.hpp>

#include "firmware/base/base64.h"
#include "store/audit_log.h"
#include "store/rows.h"
#include "tests/store/raw_store.h"
#include "tests/support/shared.h"

namespace acb::store {
namespace {

// RFC 6962 section 2.1, word by word: "k is the largest power of two smaller than n".
Sha256Digest Naive(const std::vector<Sha256Digest>& leaves, std::size_t from, std::size_t to) {
  if (to == from) return Sha256(BytesView());
  if (to - from == 1) return leaves[from];
  std::size_t k = 1;
  while (k * 2 < to - from) k *= 2;
  const std::uint8_t node[] = {0x01};
  return Sha256({node, Naive(leaves, from, from + k), Naive(leaves, from + k, to)});
}

// The same for every size in turn: complete subtrees only, joined when asked.
class Running {
 public:
  void Add(Sha256Digest hash) {
    for (std::uint64_t count = size_++; (count & 1) != 0; count >>= 1) {
      hash = Join(peaks_.back(), hash);
      peaks_.pop_back();
    }
    peaks_.push_back(hash);
  }
  Sha256Digest Root() const {
    Sha256Digest hash = peaks_.back();
    for (std::size_t i = peaks_.size() - 1; i-- > 0;) hash = Join(peaks_[i], hash);
    return hash;
  }

 private:
  static Sha256Digest Join(const Sha256Digest& left, const Sha256Digest& right) {
    const std::uint8_t node[] = {0x01};
    return Sha256({node, left, right});
  }
  std::vector<Sha256Digest> peaks_;
  std::uint64_t size_ = 0;
};

class AuditTree : public StoreTest {
 protected:
  void SetUp() override {
    ASSERT_TRUE(LmdbEnvironment::Create(settings_.directory));
    auto opened = LmdbEnvironment::Open(settings_.directory, kTestMap, {});
    ASSERT_TRUE(opened);
    environment_ = *std::move(opened);
  }
  // Appends up to `size` entries in one transaction; `check` after each.
  template <class Check>
  void Grow(std::uint64_t size, const Check& check) {
    auto transaction = WriteTransaction::Begin(environment_);
    ASSERT_TRUE(transaction);
    for (std::uint64_t i = *AuditSizeOf(*transaction); i < size; ++i) {
      const auto receipt =
          AppendEntry(*transaction, audit::Entry("operator", kNow), Environment::kTest);
      ASSERT_TRUE(receipt) << receipt.error().detail;
      check(*transaction, receipt->leaf);
      if (HasFatalFailure()) return;
    }
    ASSERT_TRUE(std::move(*transaction).Commit());
  }
  std::shared_ptr<LmdbEnvironment> environment_;
};

TEST_F(AuditTree, OfAnEmptyLogIsTheHashOfNothing) {
  const auto transaction = ReadTransaction::Begin(environment_);
  ASSERT_TRUE(transaction);
  EXPECT_EQ(RootAt(*transaction, 0).value(), Sha256(BytesView()));
}

TEST_F(AuditTree, IsTheNaiveOneAtEverySizeUpToSeventyThousand) {
  std::vector<Sha256Digest> leaves;
  Running running;
  Grow(70'000, [&](const WriteTransaction& transaction, const Sha256Digest& leaf) {
    leaves.push_back(leaf);
    running.Add(leaf);
    const std::size_t size = leaves.size();
    // Every size around what is kept, and every seventh of the others: each reads some hundred
    // rows.
    const std::size_t off = size % 256;
    if (off > 2 && off < 254 && size % 7 != 0) return;
    const auto root = RootAt(transaction, size);
    ASSERT_TRUE(root) << size << root.error().detail;
    ASSERT_EQ(*root, running.Root()) << size;
  });
  EXPECT_EQ(running.Root(), Naive(leaves, 0, leaves.size())) << "the test's two ways agree";
  const auto transaction = ReadTransaction::Begin(environment_);
  ASSERT_TRUE(transaction);
  EXPECT_EQ(*transaction->Count(Table::kAuditNodes), 70'000u / 256 + 70'000u / 65'536);
  // Earlier sizes, from the whole log.
  for (const std::size_t size :
       {1u, 2u, 3u, 255u, 256u, 257u, 511u, 512u, 65'535u, 65'536u, 65'537u, 66'000u}) {
    EXPECT_EQ(RootAt(*transaction, size).value(), Naive(leaves, 0, size)) << size;
  }
}

TEST_F(AuditTree, OfADamagedOrMissingNodeOrLeafIsDamage) {
  Grow(600, [](const WriteTransaction&, const Sha256Digest&) {});
  environment_.reset();
  for (const Table table : {Table::kAuditNodes, Table::kAuditLeaves}) {
    SCOPED_TRACE(Name(table));
    const RawRecord good = RawStore(settings_.directory).List(table).back();
    for (const bool missing : {true, false}) {
      if (missing) {
        RawStore(settings_.directory).Delete(table, good.first);
      } else {
        RawRecord flipped = good;
        flipped.second[3] ^= 1;
        RawStore(settings_.directory).Put(table, flipped);
      }
      environment_ = *LmdbEnvironment::Open(settings_.directory, kTestMap, {});
      const auto transaction = ReadTransaction::Begin(environment_);
      ASSERT_TRUE(transaction);
      EXPECT_THAT(RootAt(*transaction, 600), FailsWith(Reason::kRecordDamaged));
      EXPECT_TRUE(RootAt(*transaction, 256)) << "the first 256 are whole";
      environment_.reset();
    }
    RawStore(settings_.directory).Put(table, good);
  }
  environment_ = *LmdbEnvironment::Open(settings_.directory, kTestMap, {});
  const auto transaction = ReadTransaction::Begin(environment_);
  EXPECT_TRUE(RootAt(*transaction, 600));
  EXPECT_THAT(RootAt(*transaction, 601), FailsWith(Reason::kRecordDamaged)) << "beyond the end";
}

// transparency-dev/merkle: its proofs are over the tree of these eight leaves, Certificate
// Transparency's own example.
TEST_F(AuditTree, GivesTheRootsOfThePublishedVectors) {
  ACB_NEED_SHARED();
  const char* const octets[] = {"",
                                "00",
                                "10",
                                "2021",
                                "3031",
                                "40414243",
                                "5051525354555657",
                                "606162636465666768696a6b6c6d6e6f"};
  auto transaction = WriteTransaction::Begin(environment_);
  ASSERT_TRUE(transaction);
  std::vector<Sha256Digest> leaves;
  for (const char* text : octets) {
    leaves.push_back(audit::LeafHash(AsText(*FromHex(text))));
    ASSERT_TRUE(transaction->Put(Table::kAuditLeaves, KeyOf(leaves.size() - 1), leaves.back()));
  }
  const auto vectors = boost::json::parse(acb::testing::ReadText(
      acb::testing::SharedDir() / "vectors/rfc6962-merkle/merkle-open.json"));
  const auto digest = [](const boost::json::value& text) {
    return FromBase64(std::string_view(text.as_string())).value();
  };
  int roots = 0;
  for (const auto& vector : vectors.at("consistency").as_array()) {
    if (vector.at("wantErr").as_bool()) continue;
    for (const auto& [size, root] : {std::pair("size1", "root1"), std::pair("size2", "root2")}) {
      const auto ours = RootAt(*transaction, vector.at(size).to_number<std::uint64_t>());
      ASSERT_TRUE(ours);
      EXPECT_EQ(ToBytes(*ours), digest(vector.at(root))) << vector.at(size);
      ++roots;
    }
  }
  EXPECT_EQ(roots, 6);
  for (const auto& vector : vectors.at("inclusion").as_array()) {
    if (vector.at("wantErr").as_bool() || vector.at("treeSize").to_number<int>() != 8) continue;
    const auto leaf = leaves.at(vector.at("leafIdx").to_number<std::size_t>());
    EXPECT_EQ(ToBytes(leaf), digest(vector.at("leafHash"))) << "these are the leaves";
  }
}

}  // namespace
}  // namespace acb::store
