// R-SEC3-21: how often a pair of ACB keys was put to work, and where it stops.
#include "tests/store/store_fixture.h"

namespace acb::store {
namespace {

constexpr AcbKeyId kKey{0x4000000000000001};
constexpr AcbKeyId kOtherKey{0x4000000000000002};

class KeyOperations : public StoreTest {
 protected:
  void SetUp() override {
    settings_.key_operations = {.most = 4, .warn_at = 3};
    CreateFilled();
  }
  // Reserves for that pair and gives up: the module may have been asked.
  Status Use(std::uint64_t id, std::optional<AcbKeyId> key = kKey) {
    ReservationWish wish = Wish(Id(id));
    wish.acb_key = key;
    auto counter = store_->Reserve(wish);
    if (!counter) return std::move(counter).error();
    return store_->Abandon(*std::move(counter), Failure(Reason::kHsmUnavailable), kNow);
  }
  std::uint64_t Done(AcbKeyId key = kKey) {
    const auto done = store_->KeyOperations(key);
    EXPECT_TRUE(done);
    return done ? *done : 0;
  }
  std::vector<std::string> Alarms() {
    std::vector<std::string> alarms;
    const auto entries = store_->ReadAudit(0, Store::kMaxAuditRead);
    EXPECT_TRUE(entries);
    for (const std::string& entry : *entries) {
      if (entry.find(R"("kind":"alarm")") != std::string::npos) alarms.push_back(entry);
    }
    return alarms;
  }
};

TEST_F(KeyOperations, StopAtTheLimitAndNotBefore) {
  for (std::uint64_t id = 1; id <= 4; ++id) ASSERT_TRUE(Use(id)) << id;
  EXPECT_THAT(Use(5), FailsWith(Reason::kKeyLimit));
  EXPECT_EQ(Done(), 4u);
  EXPECT_EQ(FindDevice()->last_issued, kSupplierFloor + 4) << "nothing was spent";
}

TEST_F(KeyOperations, StopOnePairAndNotTheOther) {
  for (std::uint64_t id = 1; id <= 4; ++id) ASSERT_TRUE(Use(id));
  EXPECT_THAT(Use(5), FailsWith(Reason::kKeyLimit));
  EXPECT_TRUE(Use(5, kOtherKey));
  EXPECT_EQ(Done(kOtherKey), 1u);
  EXPECT_TRUE(Use(6, std::nullopt)) << "what no pair of this box signs";
}

TEST_F(KeyOperations, AreSaidBeforeAHandoverIsTried) {
  ReservationWish wish = Wish(Id(9));
  wish.acb_key = kKey;
  EXPECT_TRUE(store_->Preview(wish));
  for (std::uint64_t id = 1; id <= 4; ++id) ASSERT_TRUE(Use(id));
  EXPECT_THAT(store_->Preview(wish), FailsWith(Reason::kKeyLimit));
}

TEST_F(KeyOperations, RaiseAnAlarmWithTheOneThatComesToAThreshold) {
  for (std::uint64_t id = 1; id <= 2; ++id) ASSERT_TRUE(Use(id));
  EXPECT_TRUE(Alarms().empty());
  ASSERT_TRUE(Use(3));
  ASSERT_EQ(Alarms().size(), 1u);
  EXPECT_NE(Alarms()[0].find("key limit near"), std::string::npos);
  EXPECT_NE(Alarms()[0].find("4000000000000001"), std::string::npos);
  ASSERT_TRUE(Use(4));
  ASSERT_EQ(Alarms().size(), 2u);
  EXPECT_NE(Alarms()[1].find("key limit reached"), std::string::npos);
  EXPECT_FALSE(Use(5));
  EXPECT_EQ(Alarms().size(), 2u);
}

TEST_F(KeyOperations, AreStillKnownAfterACleanStopAndAfterAKill) {
  for (std::uint64_t id = 1; id <= 3; ++id) ASSERT_TRUE(Use(id));
  Reopen();
  EXPECT_EQ(Done(), 3u);
  ASSERT_TRUE(Use(4));
  store_.reset();  // killed
  Reopen();
  EXPECT_EQ(Done(), 4u);
  EXPECT_THAT(Use(5), FailsWith(Reason::kKeyLimit));
}

TEST_F(KeyOperations, GoOnWhereAGreaterLimitIsConfigured) {
  for (std::uint64_t id = 1; id <= 4; ++id) ASSERT_TRUE(Use(id));
  settings_.key_operations = {.most = 5, .warn_at = 3};
  Reopen();
  EXPECT_TRUE(Use(5));
  EXPECT_THAT(Use(6), FailsWith(Reason::kKeyLimit));
}

}  // namespace
}  // namespace acb::store
