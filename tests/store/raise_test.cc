// Raise-only repair by two operators (design.md section 4, R-128-21).
#include "store/raise.h"

#include "store/agreements.h"
#include "tests/store/store_fixture.h"

namespace acb::store {
namespace {

constexpr const char* kAda = "ada.acb.test";
constexpr const char* kBob = "bob.acb.test";

class Raise : public StoreTest {
 protected:
  void SetUp() override { CreateFilled(); }

  Result<Raising> Say(const char* who, std::uint64_t to, std::optional<RemotePartyRole> role = {}) {
    return store_->AgreeToRaise({.device = kDevice,
                                 .role = role,
                                 .to = to,
                                 .reason = "the log of the other box was found",
                                 .operator_name = who,
                                 .at = at_});
  }
  void Agree(std::uint64_t to, std::optional<RemotePartyRole> role = {}) {
    const auto first = Say(kAda, to, role);
    ASSERT_TRUE(first) << first.error().explanation;
    EXPECT_FALSE(first->complete);
    const auto second = Say(kBob, to, role);
    ASSERT_TRUE(second) << second.error().explanation;
    EXPECT_TRUE(second->complete);
  }
  std::uint64_t LastIssued() { return FindDevice()->last_issued; }
  void ImportWith(CellState supplier) {
    Device device = TestDevice();
    device.supplier = supplier;
    Import({device});
  }
};

TEST_F(Raise, TakesTwoOperatorsToRaiseWhatWasIssued) {
  const auto first = Say(kAda, 9000);
  ASSERT_TRUE(first);
  EXPECT_FALSE(first->complete);
  EXPECT_EQ(LastIssued(), 0u);
  EXPECT_THAT(Say(kAda, 9000), FailsWith(Reason::kOtherOperator));
  EXPECT_EQ(LastIssued(), 0u);
  const auto second = Say(kBob, 9000);
  ASSERT_TRUE(second);
  EXPECT_TRUE(second->complete);
  EXPECT_EQ(LastIssued(), 9000u);
  EXPECT_EQ(Spend(Id(1)), 9001u);
}

TEST_F(Raise, TakesTwoWordsForTheSameValueRoleAndDevice) {
  ASSERT_TRUE(Say(kAda, 9000));
  EXPECT_FALSE(Say(kBob, 9001)->complete) << "another value";
  EXPECT_FALSE(Say(kBob, 9000, kSupplierRole)->complete) << "another thing";
  EXPECT_EQ(LastIssued(), 0u);
  EXPECT_EQ(FindDevice()->supplier.floor->value(), kSupplierFloor);
}

// A word for another raise later is not found to be half said already.
TEST_F(Raise, UsesBothWordsUp) {
  Agree(9000, kSupplierRole);
  ASSERT_EQ(FindDevice()->supplier.floor->value(), 9000u);
  EXPECT_THAT(Say(kBob, 9000, kSupplierRole), FailsWith(Reason::kCounterRegression));
}

TEST_F(Raise, ForgetsAWordAfterADay) {
  ASSERT_TRUE(Say(kAda, 9000));
  at_ = kNow.PlusSeconds(kWordSeconds - 1);
  EXPECT_THAT(Say(kAda, 9000), FailsWith(Reason::kOtherOperator)) << "still good";
  at_ = kNow.PlusSeconds(kWordSeconds);
  EXPECT_FALSE(Say(kBob, 9000)->complete);
  EXPECT_EQ(LastIssued(), 0u);
  EXPECT_TRUE(Say(kAda, 9000)->complete);
  EXPECT_EQ(LastIssued(), 9000u);
}

// Whoever holds a key is one operator, under whatever names.
TEST_F(Raise, TakesNoSecondWordOfTheSameKeyUnderAnotherName) {
  RaiseWish wish{.device = kDevice,
                 .role = {},
                 .to = 9000,
                 .reason = "two certificates of one key",
                 .operator_name = kAda,
                 .at = kNow,
                 .operator_key = "aa"};
  ASSERT_TRUE(store_->AgreeToRaise(wish));
  wish.operator_name = kBob;
  EXPECT_THAT(store_->AgreeToRaise(wish), FailsWith(Reason::kOtherOperator));
  EXPECT_EQ(LastIssued(), 0u);
  wish.operator_key = "bb";
  EXPECT_TRUE(store_->AgreeToRaise(wish)->complete);
}

// R-128-21, R-NOW-11: an operator who was removed has said nothing.
TEST_F(Raise, ForgetsTheWordOfWhomConfigurationNoLongerNames) {
  const audit::Entry access("configuration", kNow);
  ASSERT_TRUE(Say(kAda, 9000));
  ASSERT_TRUE(store_->AppendAccess(access, {kAda, kBob}));
  EXPECT_THAT(Say(kAda, 9000), FailsWith(Reason::kOtherOperator)) << "she is still named";
  ASSERT_TRUE(store_->AppendAccess(access, {kBob}));
  const auto said = store_->ReadAudit(*store_->AuditSize() - 1, 1);
  ASSERT_TRUE(said);
  EXPECT_NE(said->front().find(R"("words_dropped_of":["ada.acb.test"])"), std::string::npos)
      << said->front();
  EXPECT_FALSE(Say(kBob, 9000)->complete);
  EXPECT_EQ(LastIssued(), 0u);
  ASSERT_TRUE(store_->AppendAccess(access, {kAda, kBob}));
  EXPECT_TRUE(Say(kAda, 9000)->complete);
}

// R-NOW-11: found by an attack. The request had come before she was removed, its word is written
// after it.
TEST_F(Raise, TakesNoWordThatIsWrittenWhenConfigurationNoLongerNamesTheOperator) {
  const audit::Entry access("configuration", kNow);
  ASSERT_TRUE(store_->AppendAccess(access, {kBob}));
  EXPECT_THAT(Say(kAda, 9000), FailsWith(Reason::kForbidden)) << "no first word";
  EXPECT_FALSE(Say(kBob, 9000)->complete);
  EXPECT_THAT(Say(kAda, 9000), FailsWith(Reason::kForbidden)) << "no second word";
  EXPECT_EQ(LastIssued(), 0u);
  ASSERT_TRUE(store_->AppendAccess(access, {kBob}, {kAda}));
  EXPECT_TRUE(Say(kAda, 9000)->complete) << "an operator of some endpoints is one";
  EXPECT_EQ(LastIssued(), 9000u);
}

// R-128-21: neither operator, nor both, can lower or repeat.
TEST_F(Raise, OnlyGoesUp) {
  Agree(9000);
  for (const std::uint64_t to :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{8999}, std::uint64_t{9000}}) {
    for (const char* who : {kAda, kBob}) {
      EXPECT_THAT(Say(who, to), FailsWith(Reason::kCounterRegression)) << to;
    }
  }
  EXPECT_EQ(LastIssued(), 9000u);
  for (const std::uint64_t to : {std::uint64_t{0}, kNetworkFloor - 1, kNetworkFloor}) {
    EXPECT_THAT(Say(kAda, to, kNetworkRole), FailsWith(Reason::kCounterRegression)) << to;
  }
  Agree(kNetworkFloor + 1, kNetworkRole);
  EXPECT_EQ(FindDevice()->network_operator.floor->value(), kNetworkFloor + 1);
}

// What became true between the two words counts.
TEST_F(Raise, IsJudgedAnewAtTheSecondWord) {
  ASSERT_TRUE(Say(kAda, 1201));
  ASSERT_EQ(Spend(Id(1)), 1201u);
  EXPECT_THAT(Say(kBob, 1201), FailsWith(Reason::kCounterRegression));
  EXPECT_EQ(LastIssued(), 1201u);
}

TEST_F(Raise, StopsAtTheLimitOfAJumpAndAt2To63Minus1) {
  const std::uint64_t jump = settings_.counter_jump;
  EXPECT_THAT(Say(kAda, jump + 1), FailsWith(Reason::kCounterLimit));
  EXPECT_THAT(Say(kAda, kSupplierFloor + jump + 1, kSupplierRole),
              FailsWith(Reason::kCounterLimit));
  EXPECT_THAT(Say(kAda, kMaxSeqNumber + 1), FailsWith(Reason::kMalformed));
  EXPECT_THAT(Say(kAda, 10'560'878'642'999'590'912u), FailsWith(Reason::kMalformed));
  Agree(jump);
  Agree(kSupplierFloor + jump, kSupplierRole);
  EXPECT_EQ(LastIssued(), jump);
  settings_.counter_jump = kMaxSeqNumber;
  Reopen();
  Agree(kMaxSeqNumber);
  EXPECT_THAT(Reserve(Id(1), kNetworkRole), FailsWith(Reason::kCounterExhausted));
}

// R-128-17: the work list of cells that are the ACB's with a floor that nobody recorded.
TEST_F(Raise, SetsAFloorThatIsNotKnownOnlyWhereTheCellIsTheAcbs) {
  Device device = TestDevice(Eui64(0x00DB1234567890B0));
  device.supplier = OfAcb({});
  device.network_operator = Cell(CellState::Holder::kParty, {});
  Import({device});
  RaiseWish wish{.device = device.id,
                 .role = kNetworkRole,
                 .to = 700,
                 .reason = "as the supplier's log says",
                 .operator_name = kAda,
                 .at = kNow};
  EXPECT_THAT(store_->AgreeToRaise(wish), FailsWith(Reason::kCellNotAcb));
  wish.role = kSupplierRole;
  EXPECT_THAT(Reserve(Id(1, device.id)), FailsWith(Reason::kCounterUnknown));
  ASSERT_TRUE(store_->AgreeToRaise(wish));
  EXPECT_THAT(Reserve(Id(1, device.id)), FailsWith(Reason::kCounterUnknown));
  wish.operator_name = kBob;
  ASSERT_TRUE(store_->AgreeToRaise(wish)->complete);
  EXPECT_EQ(Spend(Id(1, device.id)), 701u);
}

// 0 is a floor like any other, and not the same as none.
TEST_F(Raise, SetsAFloorThatIsNotKnownToZeroToo) {
  Device device = TestDevice(Eui64(0x00DB1234567890B0));
  device.supplier = OfAcb({});
  Import({device});
  for (const char* who : {kAda, kBob}) {
    ASSERT_TRUE(store_->AgreeToRaise({.device = device.id,
                                      .role = kSupplierRole,
                                      .to = 0,
                                      .reason = "a factory device",
                                      .operator_name = who,
                                      .at = kNow}));
  }
  EXPECT_EQ(FindDevice(device.id)->supplier.floor->value(), 0u);
}

TEST_F(Raise, RefusesACellThatIsNotKnownAndADeviceThatIsNotKnown) {
  Device device = TestDevice(Eui64(0x00DB1234567890B0));
  device.supplier = Cell(CellState::Holder::kUnknown, {});
  Import({device});
  RaiseWish wish{.device = device.id,
                 .role = kSupplierRole,
                 .to = 700,
                 .reason = "r",
                 .operator_name = kAda,
                 .at = kNow};
  EXPECT_THAT(store_->AgreeToRaise(wish), FailsWith(Reason::kCellUnknown));
  wish.role = RemotePartyRole::kRoot;
  EXPECT_THAT(store_->AgreeToRaise(wish), FailsWith(Reason::kMalformed));
  wish.role.reset();
  EXPECT_TRUE(store_->AgreeToRaise(wish));
  wish.device = Eui64(1);
  EXPECT_THAT(store_->AgreeToRaise(wish), FailsWith(Reason::kDeviceUnknown));
}

TEST_F(Raise, RecordsBothWordsWithTheReason) {
  ASSERT_TRUE(Say(kAda, 9000, kSupplierRole));
  std::string entry = LastEntry();
  for (const char* part :
       {R"("kind":"operator")", R"("act":"counter-raise")", R"("complete":false)",
        R"("operators":["ada.acb.test"])", R"("role":"Supplier")", R"("from":"1200")",
        R"("to":"9000")", R"("explanation":"the log of the other box was found")"}) {
    EXPECT_NE(entry.find(part), std::string::npos) << part << " in " << entry;
  }
  ASSERT_TRUE(Say(kBob, 9000, kSupplierRole));
  entry = LastEntry();
  for (const char* part :
       {R"("complete":true)", R"("operators":["ada.acb.test","bob.acb.test"])"}) {
    EXPECT_NE(entry.find(part), std::string::npos) << part << " in " << entry;
  }
  const std::uint64_t size = AuditSize();
  EXPECT_FALSE(Say(kBob, 9000, kSupplierRole));
  EXPECT_EQ(AuditSize(), size) << "a refusal changes nothing in the store";
}

// A handover that was reserved above the old floor is not answered above the new one.
TEST_F(Raise, OvertakesAHandoverThatIsUnderWay) {
  auto counter = Reserve(Id(1));
  ASSERT_TRUE(counter);
  Agree(9000, kSupplierRole);
  EXPECT_THAT(Sign(*counter), FailsWith(Reason::kChangedMeanwhile));
  ASSERT_TRUE(store_->Abandon(*std::move(counter), Failure(Reason::kChangedMeanwhile), kNow));
  EXPECT_EQ(Spend(Id(1)), 9001u);
}

TEST(OperatorWord, KeepsItsOctets) {
  const auto read = DecodeWord(EncodeWord({kNow, kAda}));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->at, kNow);
  EXPECT_EQ(read->operator_name, kAda);
  EXPECT_EQ(read->operator_key, "");
  EXPECT_FALSE(DecodeWord(EncodeWord({kNow, ""})));
  EXPECT_EQ(DecodeWord(EncodeWord({kNow, kAda, "ab12"}))->operator_key, "ab12");
}

}  // namespace
}  // namespace acb::store
