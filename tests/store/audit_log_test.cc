#include "tests/store/store_fixture.h"

namespace acb::store {
namespace {

class Audit : public StoreTest {
 protected:
  void SetUp() override {
    Create();
    Reopen();
  }
};

constexpr std::uint64_t kFirst = 2;  // after `provision` and `start`

TEST_F(Audit, NumbersEntriesFromZeroAndKeepsThemOverRestarts) {
  EXPECT_THAT(store_->ReadAudit(0, 1)->front(), ::testing::HasSubstr("\"index\":\"0\""));
  for (std::uint64_t i = kFirst; i < kFirst + 15; i += 3) {
    const auto receipt = store_->Append(audit::Entry("alarm", kNow).Set("act", "x"));
    ASSERT_TRUE(receipt);
    EXPECT_EQ(receipt->index, i);
    Reopen();
    EXPECT_EQ(AuditSize(), i + 3) << "`stop`, `start`";
  }
  const auto entries = store_->ReadAudit(kFirst, 3);
  const auto leaves = store_->ReadLeaves(kFirst, 3);
  ASSERT_TRUE(entries && leaves);
  ASSERT_EQ(entries->size(), 3u);
  ASSERT_EQ(leaves->size(), 3u);
  EXPECT_EQ(entries->front(),
            "{\"act\":\"x\",\"environment\":\"test\",\"index\":\"2\",\"kind\":\"alarm\","
            "\"time\":\"2026-11-21T12:00:00.000Z\"}");
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(audit::LeafHash((*entries)[i]), (*leaves)[i]);
}

TEST_F(Audit, GivesTheLeafOfWhatItStored) {
  const auto receipt = store_->Append(audit::Entry("start", kNow));
  ASSERT_TRUE(receipt);
  EXPECT_EQ(receipt->leaf, audit::LeafHash(LastEntry()));
}

TEST_F(Audit, EndsAReadAtTheEndOfTheLog) {
  ASSERT_TRUE(store_->Append(audit::Entry("start", kNow)));
  EXPECT_EQ(store_->ReadAudit(0, 100)->size(), kFirst + 1);
  EXPECT_EQ(store_->ReadAudit(0, 0)->size(), 0u);
  EXPECT_EQ(store_->ReadAudit(kFirst + 1, 100)->size(), 0u);
  EXPECT_EQ(store_->ReadAudit(UINT64_MAX, UINT64_MAX)->size(), 0u);
}

// design.md section 10.
TEST_F(Audit, MarksEveryEntryWithTheEnvironmentWhateverTheCallerSays) {
  ASSERT_TRUE(store_->Append(audit::Entry("start", kNow).Set("environment", "live")));
  EXPECT_THAT(LastEntry(), ::testing::HasSubstr("\"environment\":\"test\""));
}

}  // namespace
}  // namespace acb::store
