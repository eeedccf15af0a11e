#include <algorithm>
#include <boost/json.hpp>
#include <set>
#include <thread>

#include "firmware/audit/merkle.h"
#include "tests/store/store_fixture.h"

namespace acb::store {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Checkpoints : public StoreTest {
 protected:
  void SetUp() override {
    Create();
    Seams seams;
    seams.anchor_age = std::chrono::milliseconds(1);
    seams.look_interval = std::chrono::milliseconds(1);
    Reopen(std::move(seams));
  }
  audit::Receipt Append(std::string_view act = "x") {
    const auto receipt = store_->Append(audit::Entry("alarm", kNow).Set("act", act));
    EXPECT_TRUE(receipt);
    return receipt ? *receipt : audit::Receipt{};
  }
  Sha256Digest RootOf(std::uint64_t size) {
    audit::Peaks peaks;
    const auto leaves = store_->ReadLeaves(0, size);
    EXPECT_TRUE(leaves);
    for (const Sha256Digest& leaf : *leaves) peaks.Add(0, leaf);
    return peaks.Root();
  }
};

TEST_F(Checkpoints, AreKeptByTheirSizeWithWhatWasAddedLast) {
  EXPECT_FALSE(store_->NewestCheckpoint()->has_value());
  ASSERT_TRUE(store_->KeepCheckpoint({300, "three hundred"}));
  ASSERT_TRUE(store_->KeepCheckpoint({7, "seven"}));
  ASSERT_TRUE(store_->KeepCheckpoint({7, "seven, cosigned"}));
  Reopen();
  const auto newest = store_->NewestCheckpoint();
  ASSERT_TRUE(newest && newest->has_value());
  EXPECT_EQ((*newest)->tree_size, 300u);
  const auto all = store_->ListCheckpoints(0, 10);
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 2u);
  EXPECT_EQ(all->front().note, "seven, cosigned");
  EXPECT_EQ(store_->ListCheckpoints(8, 10)->front().tree_size, 300u);
  EXPECT_EQ(store_->ListCheckpoints(0, 1)->size(), 1u);
  EXPECT_TRUE(store_->ListCheckpoints(301, 1)->empty());
}

// "The log grows" is what makes an anchor due: else each checkpoint would make the next.
TEST_F(Checkpoints, MakeNoAnchorDueAndEntriesDo) {
  const auto settled = [this] {
    // Due after 1 ms: what was written is anchored by the next looks.
    for (int i = 0; i < 10'000; ++i) {
      const std::uint64_t size = AuditSize();
      if (store_->anchored()->tree_size == size) return size;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    ADD_FAILURE() << "the log was never anchored as a whole";
    return std::uint64_t{0};
  };
  Append();
  const std::uint64_t size = settled();
  const std::uint64_t made = store_->statistics().anchors_made;
  for (std::uint64_t i = 0; i < 50; ++i) {
    ASSERT_TRUE(store_->KeepCheckpoint({size + i, "note"}));
    ASSERT_TRUE(store_->Confirm());
  }
  EXPECT_EQ(store_->statistics().anchors_made, made);
  EXPECT_EQ(AuditSize(), size);
  Append();
  settled();
  EXPECT_EQ(store_->statistics().anchors_made, made + 1);
}

// R-NOW-7: "sign nothing more, not even a checkpoint".
TEST_F(Checkpoints, AreNotKeptByABoxThatWasOvertaken) {
  ASSERT_TRUE(store_->KeepCheckpoint({3, "before"}));
  FakeAnchorObjects others(token_);
  const std::filesystem::path copy = root_ / "copy";
  std::filesystem::copy(settings_.directory, copy, std::filesystem::copy_options::recursive);
  OpenSettings settings = settings_;
  settings.directory = copy;
  auto other = Store::Open(settings);
  ASSERT_TRUE(other);
  ASSERT_TRUE((*other)->Start(others, OrderToStart()));
  EXPECT_THAT(store_->KeepCheckpoint({4, "after"}), FailsWith(Reason::kOvertaken));
}

TEST_F(Checkpoints, WaitForAnAnchorEndsWhenItHasPassed) {
  const std::uint64_t size = store_->anchored()->tree_size;
  EXPECT_EQ(store_->WaitForAnchored(size - 1, std::chrono::milliseconds(0))->tree_size, size);
  std::thread writer([this] {
    Append();
    EXPECT_TRUE(store_->AnchorNow());
  });
  const auto anchored = store_->WaitForAnchored(size, std::chrono::minutes(5));
  writer.join();
  ASSERT_TRUE(anchored);
  EXPECT_GT(anchored->tree_size, size);
  EXPECT_EQ(anchored->root, RootOf(anchored->tree_size));
  EXPECT_FALSE(store_->WaitForAnchored(~std::uint64_t{0}, std::chrono::milliseconds(1)));
}

TEST_F(Checkpoints, ProofsOfTheLogVerify) {
  for (int i = 0; i < 600; ++i) Append();
  const std::uint64_t size = 590;
  const Sha256Digest root = RootOf(size);
  for (const std::uint64_t index : {0u, 255u, 256u, 511u, 512u, 589u}) {
    const auto proof = store_->ProveInclusion(index, size);
    ASSERT_TRUE(proof) << index;
    EXPECT_TRUE(
        audit::VerifyInclusion(index, size, store_->ReadLeaves(index, 1)->front(), *proof, root));
    if (index == 0) continue;
    const auto consistent = store_->ProveConsistency(index, size);
    ASSERT_TRUE(consistent) << index;
    EXPECT_TRUE(audit::VerifyConsistency(index, size, RootOf(index), root, *consistent));
  }
  EXPECT_THAT(store_->ProveInclusion(size, size), FailsWith(Reason::kNotFound));
  EXPECT_THAT(store_->ProveInclusion(0, AuditSize() + 1), FailsWith(Reason::kNotFound));
  EXPECT_THAT(store_->ProveConsistency(0, size), FailsWith(Reason::kNotFound));
}

// Over the edges of what table audit-nodes has.
TEST_F(Checkpoints, EveryEntryAndEveryOlderTreeIsProvenAtSizesAroundATile) {
  for (int i = 0; i < 260; ++i) Append();
  const auto leaves = store_->ReadLeaves(0, 259);
  ASSERT_TRUE(leaves);
  std::vector<Sha256Digest> roots(1);
  audit::Peaks peaks;
  for (const Sha256Digest& leaf : *leaves) {
    peaks.Add(0, leaf);
    roots.push_back(peaks.Root());
  }
  for (const std::uint64_t size : {1u, 2u, 255u, 256u, 257u, 259u}) {
    for (std::uint64_t index = 0; index < size; ++index) {
      const auto proof = store_->ProveInclusion(index, size);
      ASSERT_TRUE(proof) << index << " of " << size;
      ASSERT_TRUE(audit::VerifyInclusion(index, size, (*leaves)[index], *proof, roots[size]));
      const auto grown = store_->ProveConsistency(index + 1, size);
      ASSERT_TRUE(grown) << index + 1 << " to " << size;
      ASSERT_TRUE(audit::VerifyConsistency(index + 1, size, roots[index + 1], roots[size], *grown));
    }
  }
}

TEST_F(Checkpoints, TilesAreWhatTheTreeIsMadeOf) {
  while (AuditSize() < 520) Append();
  const auto full = store_->ReadTile({.entries = false, .level = 0, .index = 1});
  ASSERT_TRUE(full);
  EXPECT_EQ(*full, *store_->ReadLeaves(256, 256));
  const auto above = store_->ReadTile({.entries = false, .level = 1, .index = 0, .width = 2});
  ASSERT_TRUE(above);
  audit::Peaks peaks;
  for (const Sha256Digest& leaf : *full) peaks.Add(0, leaf);
  EXPECT_EQ(above->back(), peaks.Root());
  const auto bundle = store_->ReadBundle({.entries = true, .level = 0, .index = 2, .width = 5});
  ASSERT_TRUE(bundle);
  EXPECT_EQ(*bundle, *store_->ReadAudit(512, 5));
  EXPECT_THAT(store_->ReadTile({.entries = false, .level = 0, .index = 2}),
              FailsWith(Reason::kNotFound));
  EXPECT_THAT(store_->ReadBundle({.entries = true, .level = 0, .index = 9, .width = 1}),
              FailsWith(Reason::kNotFound));
  EXPECT_THAT(store_->ReadTile({.entries = false, .level = 2, .index = 0, .width = 1}),
              FailsWith(Reason::kNotFound));
}

TEST_F(Checkpoints, SealedFieldsAreDisclosedBesideTheLogAndOnlyThere) {
  const std::uint64_t plain = Append().index;
  const auto sealed =
      store_->Append(audit::Entry("refused", kNow).Seal("mpxn", "1312345678111").Set("a", "b"));
  ASSERT_TRUE(sealed);
  const std::string entry = store_->ReadAudit(sealed->index, 1)->front();
  EXPECT_THAT(entry, Not(HasSubstr("1312345678111")));
  EXPECT_EQ(audit::LeafHash(entry), sealed->leaf);
  Reopen();
  EXPECT_TRUE(store_->ReadDisclosures(plain, 1)->empty());
  EXPECT_TRUE(store_->ReadDisclosures(0, 0)->empty());
  const auto disclosures = store_->ReadDisclosures(plain, sealed->index + 1 - plain);
  ASSERT_TRUE(disclosures);
  ASSERT_EQ(disclosures->size(), 1u);
  const auto opened = boost::json::parse(disclosures->front());
  EXPECT_EQ(opened.at("index").as_string(), std::to_string(sealed->index));
  const auto& field = opened.at("sealed").at("mpxn");
  EXPECT_EQ(field.at("value").as_string(), "1312345678111");
  const auto salt = FromHex(field.at("salt").as_string());
  ASSERT_TRUE(salt && salt->size() == std::tuple_size_v<audit::Salt>);
  audit::Salt octets;
  std::ranges::copy(*salt, octets.begin());
  EXPECT_EQ(boost::json::parse(entry).at("sealed").at("mpxn").as_string(),
            ToHex(audit::SealHash("mpxn", octets, "1312345678111")));
}

TEST_F(Checkpoints, NoTwoSealsHaveTheSameSalt) {
  const std::uint64_t plain = Append().index;
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(store_->Append(audit::Entry("refused", kNow).Seal("mpxn", "1").Seal("b", "1")));
  }
  std::set<std::string> salts;
  const auto read = store_->ReadDisclosures(plain, 100);
  ASSERT_TRUE(read);
  for (const std::string& text : *read) {
    const auto opened = boost::json::parse(text);
    for (const auto& field : opened.at("sealed").as_object()) {
      salts.emplace(field.value().at("salt").as_string());
    }
  }
  EXPECT_EQ(salts.size(), 4u);
}

// The length of an entry in its bundle has two octets.
TEST_F(Checkpoints, AnEntryThatFitsNoBundleIsRefusedAndTheLongestIsTaken) {
  const std::size_t around = [this] {
    Append("");
    return LastEntry().size();
  }();
  const std::uint64_t size = AuditSize();
  EXPECT_THAT(store_->Append(audit::Entry("operator", kNow).Set("act", std::string(65'536, 'x'))),
              FailsWith(Reason::kStoreUnavailable));
  EXPECT_FALSE(store_->ended());
  const std::string longest(65'535 - around - 2, 'x');  // the index may have grown
  Append(longest);
  EXPECT_GE(AuditSize(), size + 1);
  EXPECT_GT(LastEntry().size(), 65'530u);
}

// One order names up to 10,000 subjects: more than an entry takes.
TEST_F(Checkpoints, AnOrderOfManySubjectsIsSeveralEntries) {
  std::vector<Suspension> rows;
  for (int i = 0; i < 400; ++i) {
    Suspension row;
    row.scope = SuspensionScope::kParty;
    row.subject = std::string(200, 'p') + std::to_string(i);
    row.authority = "SSC";
    row.by = "operator";
    row.since = kNow;
    rows.push_back(row);
  }
  ASSERT_TRUE(store_->Suspend(rows, kNow));
  EXPECT_EQ(store_->ListSuspensions()->size(), 400u);
  std::size_t named = 0;
  const auto read = store_->ReadAudit(0, 1000);
  ASSERT_TRUE(read);
  for (const std::string& text : *read) {
    const auto entry = boost::json::parse(text);
    const auto* subjects = entry.as_object().if_contains("subjects");
    if (subjects != nullptr) named += subjects->as_array().size();
    EXPECT_LE(text.size(), audit::kMaxEntryOctets);
  }
  EXPECT_EQ(named, 400u);
}

}  // namespace
}  // namespace acb::store
