// What waits for two operators, what they have stopped, and the volume thresholds.
#include "store/agreements.h"
#include "tests/store/store_fixture.h"

namespace acb::store {
namespace {

// R-NOW-11, R-SEC3-50.
class Volume : public StoreTest {
 protected:
  void SetUp() override {
    settings_.volume = {.user_hour = 3, .user_day = 5, .total_hour = 100, .total_day = 100};
    CreateFilled();
  }
  // Reserves and gives up, so that the device is free again.
  Status Spend(std::uint64_t id, Eui64 user = kUser) {
    RequestId request = Id(id);
    request.originator = user;
    const ReservationWish wish = Wish(request);
    auto counter = store_->Reserve(wish);
    if (!counter) return std::move(counter).error();
    return store_->Abandon(*std::move(counter), Failure(Reason::kHsmUnavailable), kNow);
  }
  void SpendThree() {
    for (std::uint64_t id = 1; id <= 3; ++id) ASSERT_TRUE(Spend(id));
  }
};

TEST_F(Volume, LetsThroughAsManyAsTheThresholdAndNoMore) {
  SpendThree();
  EXPECT_THAT(Spend(4), FailsWith(Reason::kVolumeExceeded));
  EXPECT_THAT(Spend(5), FailsWith(Reason::kVolumeExceeded));
}

TEST_F(Volume, CountsEachUserApart) {
  SpendThree();
  EXPECT_TRUE(Spend(4, Eui64(0x90B3D51F30030000)));
}

TEST_F(Volume, CountsAllUsersTogetherToo) {
  settings_.volume = {.user_hour = 100, .user_day = 100, .total_hour = 4, .total_day = 100};
  Reopen();
  SpendThree();
  ASSERT_TRUE(Spend(4, Eui64(0x90B3D51F30030000)));
  const auto more = Spend(5, Eui64(0x90B3D51F30040000));
  ASSERT_THAT(more, FailsWith(Reason::kVolumeExceeded));
  EXPECT_NE(more.error().explanation.find("all Users"), std::string::npos);
}

TEST_F(Volume, RollsWithTheHourAndTheDay) {
  SpendThree();
  at_ = kNow.PlusSeconds(3599);
  EXPECT_THAT(Spend(4), FailsWith(Reason::kVolumeExceeded));
  at_ = kNow.PlusSeconds(3660);
  ASSERT_TRUE(Spend(5));
  ASSERT_TRUE(Spend(6));
  EXPECT_THAT(Spend(7), FailsWith(Reason::kVolumeExceeded)) << "five in the day";
  at_ = kNow.PlusSeconds(26 * 3600);
  EXPECT_TRUE(Spend(8));
}

TEST_F(Volume, RemembersOverARestartAndAClockThatIsSetBack) {
  SpendThree();
  Reopen();
  EXPECT_THAT(Spend(4), FailsWith(Reason::kVolumeExceeded));
  at_ = kNow.PlusSeconds(-7200);
  EXPECT_THAT(Spend(5), FailsWith(Reason::kVolumeExceeded));
}

// The release is in the row: a fault at the HSM, or a retry that is faster, does not undo it.
TEST_F(Volume, IsNotAskedOfWhatTwoOperatorsReleasedHoweverOftenItTakes) {
  SpendThree();
  const std::string body = BodyOf(Id(4));
  const auto held = store_->AppendQuarantined(Id(4), Sha256(AsBytes(body)), kSupplierRole,
                                              audit::Entry("quarantined", kNow),
                                              Failure(Reason::kVolumeExceeded), AsBytes(body));
  ASSERT_TRUE(held);
  ASSERT_TRUE(store_->AgreeOnQuarantined(held->index, QuarantineAct::kRelease, "1", kNow));
  ASSERT_TRUE(store_->AgreeOnQuarantined(held->index, QuarantineAct::kRelease, "2", kNow));
  EXPECT_TRUE(Spend(4));
  Reopen();
  EXPECT_TRUE(Spend(4)) << "abandoned, and still released";
  EXPECT_THAT(Spend(5), FailsWith(Reason::kVolumeExceeded));
}

TEST_F(Volume, HasNoThresholdAtZero) {
  settings_.volume = {.user_hour = 0, .user_day = 0, .total_hour = 0, .total_day = 0};
  Reopen();
  for (std::uint64_t id = 1; id <= 20; ++id) ASSERT_TRUE(Spend(id));
}

TEST_F(Volume, IsSeenByAPreviewThatChangesNothing) {
  const auto next = store_->Preview(Wish(Id(1)));
  ASSERT_TRUE(next);
  EXPECT_EQ(next->value(), kSupplierFloor + 1);
  EXPECT_EQ(store_->Preview(Wish(Id(1)))->value(), kSupplierFloor + 1);
  SpendThree();
  EXPECT_THAT(store_->Preview(Wish(Id(9))), FailsWith(Reason::kVolumeExceeded));
}

class Quarantine : public StoreTest {
 protected:
  void SetUp() override { CreateFilled(); }
  std::uint64_t Hold(std::uint64_t id) {
    const std::string body = BodyOf(Id(id));
    const auto held = store_->AppendQuarantined(
        Id(id), Sha256(AsBytes(body)), kSupplierRole, audit::Entry("quarantined", kNow),
        Failure(Reason::kVolumeExceeded, "why"), AsBytes(body));
    EXPECT_TRUE(held);
    return held ? held->index : 0;
  }
  StoredRequest::State StateOf(std::uint64_t id) {
    const auto records = store_->Open();
    return (*(*records)->FindRequest(Id(id)))->state;
  }
  Result<Agreement> Agree(std::uint64_t number, QuarantineAct act, std::string_view who) {
    return store_->AgreeOnQuarantined(number, act, who, kNow);
  }
};

TEST_F(Quarantine, HoldsTheRequestAndTellsARetry) {
  const std::uint64_t number = Hold(1);
  EXPECT_EQ(StateOf(1), StoredRequest::State::kQuarantined);
  const auto items = store_->ListQuarantine(0, 10);
  ASSERT_TRUE(items);
  ASSERT_EQ(items->size(), 1u);
  EXPECT_EQ(items->front().id, number);
  EXPECT_EQ(items->front().request, Id(1));
  EXPECT_EQ(items->front().why, "why");
  EXPECT_THAT(StoreTest::Reserve(Id(1)), FailsWith(Reason::kChangedMeanwhile));
}

// A word that is none any more does not wait for a second one.
TEST_F(Quarantine, ListsAFirstWordForAsLongAsItCounts) {
  const std::uint64_t number = Hold(1);
  ASSERT_TRUE(Agree(number, QuarantineAct::kRelease, "operator-1"));
  const auto waits = [&](UtcTime at) {
    return store_->ListQuarantine(0, 10, at)->front().first_act.has_value();
  };
  EXPECT_TRUE(waits(kNow.PlusSeconds(kWordSeconds - 1)));
  EXPECT_FALSE(waits(kNow.PlusSeconds(kWordSeconds)));
  ASSERT_TRUE(store_->AppendAccess(audit::Entry("configuration", kNow), {"operator-2"}));
  EXPECT_FALSE(waits(kNow)) << "operator-1 is none any more";
}

TEST_F(Quarantine, IsNotDecidedByWhomConfigurationNoLongerNames) {
  const std::uint64_t number = Hold(1);
  ASSERT_TRUE(store_->AppendAccess(audit::Entry("configuration", kNow), {"operator-2"}));
  ASSERT_TRUE(Agree(number, QuarantineAct::kRelease, "operator-2"));
  for (const QuarantineAct act : {QuarantineAct::kRelease, QuarantineAct::kDelete}) {
    EXPECT_THAT(Agree(number, act, "operator-1"), FailsWith(Reason::kForbidden));
  }
  EXPECT_EQ(StateOf(1), StoredRequest::State::kQuarantined);
}

TEST_F(Quarantine, IsReleasedByTwoDifferentOperatorsAndOnlyThen) {
  const std::uint64_t number = Hold(1);
  const auto first = Agree(number, QuarantineAct::kRelease, "operator-1");
  ASSERT_TRUE(first);
  EXPECT_FALSE(first->complete);
  EXPECT_THAT(Agree(number, QuarantineAct::kRelease, "operator-1"),
              FailsWith(Reason::kOtherOperator));
  EXPECT_EQ(StateOf(1), StoredRequest::State::kQuarantined);
  Reopen();  // the first word is durable
  const auto second = Agree(number, QuarantineAct::kRelease, "operator-2");
  ASSERT_TRUE(second);
  EXPECT_TRUE(second->complete);
  EXPECT_EQ(AsText(second->request_octets), BodyOf(Id(1)));
  EXPECT_TRUE(store_->ListQuarantine(0, 10)->empty());
  // The counter is taken now, not at arrival.
  const auto counter = StoreTest::Reserve(Id(1));
  ASSERT_TRUE(counter);
  EXPECT_EQ(counter->counter().value(), kSupplierFloor + 1);
}

TEST_F(Quarantine, IsDeletedByTwoAndARetryIsRefused) {
  const std::uint64_t number = Hold(1);
  ASSERT_TRUE(Agree(number, QuarantineAct::kDelete, "operator-1"));
  ASSERT_TRUE(Agree(number, QuarantineAct::kDelete, "operator-2")->complete);
  const auto records = store_->Open();
  const auto stored = (*records)->FindRequest(Id(1));
  EXPECT_EQ((*stored)->state, StoredRequest::State::kRefused);
  EXPECT_EQ((*stored)->reason, Reason::kDeletedByOperators);
  EXPECT_THAT(Agree(number, QuarantineAct::kDelete, "operator-3"), FailsWith(Reason::kNotFound));
}

TEST_F(Quarantine, TakesTwoWordsForTheSameAct) {
  const std::uint64_t number = Hold(1);
  ASSERT_TRUE(Agree(number, QuarantineAct::kDelete, "operator-1"));
  const auto other = Agree(number, QuarantineAct::kRelease, "operator-2");
  ASSERT_TRUE(other);
  EXPECT_FALSE(other->complete) << "one word for each act";
  EXPECT_TRUE(Agree(number, QuarantineAct::kRelease, "operator-1")->complete);
}

TEST_F(Quarantine, TakesTwoWordsOfOneDay) {
  constexpr std::int64_t kDay = 24 * 60 * 60;
  const std::uint64_t number = Hold(1);
  const auto agree = [&](std::string_view who, UtcTime at) {
    return store_->AgreeOnQuarantined(number, QuarantineAct::kRelease, who, at);
  };
  ASSERT_TRUE(agree("operator-1", kNow));
  EXPECT_FALSE(agree("operator-2", kNow.PlusSeconds(kDay))->complete) << "a first word again";
  EXPECT_TRUE(agree("operator-1", kNow.PlusSeconds(2 * kDay - 1))->complete);
}

// reliability.md section 1: a floor that jumps too far would block the device for ever.
class ImportedFloor : public Quarantine {
 protected:
  void ImportFloor(std::uint64_t floor) {
    Device device = TestDevice();
    device.supplier = OfAcb(floor);
    Import({device});
  }
  std::uint64_t Floor() {
    const auto records = store_->Open();
    return (*(*records)->FindDevice(kDevice))->supplier.floor->value();
  }
};

TEST_F(ImportedFloor, IsAppliedUpToTheJumpLimit) {
  ImportFloor(kSupplierFloor + settings_.counter_jump);
  EXPECT_EQ(Floor(), kSupplierFloor + settings_.counter_jump);
  EXPECT_TRUE(store_->ListQuarantine(0, 10)->empty());
}

TEST_F(ImportedFloor, AboveItWaitsForTwoOperatorsAndIsNotAppliedBefore) {
  const std::uint64_t floor = kSupplierFloor + settings_.counter_jump + 1;
  ImportFloor(floor);
  EXPECT_EQ(Floor(), kSupplierFloor);
  ImportFloor(floor);
  const auto items = store_->ListQuarantine(0, 10);
  ASSERT_EQ(items->size(), 1u) << "once, however often it is imported";
  EXPECT_EQ(items->front().floor->value(), floor);
  ASSERT_TRUE(Agree(items->front().id, QuarantineAct::kRelease, "operator-1"));
  EXPECT_EQ(Floor(), kSupplierFloor);
  ASSERT_TRUE(Agree(items->front().id, QuarantineAct::kRelease, "operator-2"));
  EXPECT_EQ(Floor(), floor);
}

// What waits may be what the device has: no other feed makes the cell one to sign for meanwhile.
TEST_F(ImportedFloor, ThatWaitsKeepsItsCellFromBeingSignedFor) {
  ImportFloor(kMaxSeqNumber);
  Import({TestDevice()});
  EXPECT_THAT(StoreTest::Reserve(Id(1)), FailsWith(Reason::kCounterUnknown));
  EXPECT_TRUE(StoreTest::Reserve(Id(2), kNetworkRole)) << "the other cell goes on";
}

TEST_F(ImportedFloor, IsForgottenWhenTwoOperatorsDeleteIt) {
  ImportFloor(kMaxSeqNumber);
  const std::uint64_t number = store_->ListQuarantine(0, 1)->front().id;
  ASSERT_TRUE(Agree(number, QuarantineAct::kDelete, "operator-1"));
  ASSERT_TRUE(Agree(number, QuarantineAct::kDelete, "operator-2")->complete);
  EXPECT_EQ(Floor(), kSupplierFloor);
  EXPECT_TRUE(StoreTest::Reserve(Id(1)));
}

// A cell does not become the ACB's on the word of a row whose floor is not believed.
TEST_F(ImportedFloor, ThatIsHeldLeavesTheHolderToo) {
  Device device = TestDevice();
  device.supplier = Cell(CellState::Holder::kParty, 1300);
  Import({device});
  ImportFloor(kMaxSeqNumber);
  EXPECT_THAT(StoreTest::Reserve(Id(1)), FailsWith(Reason::kCellNotAcb));
}

// R-SEC3-56.
class Suspensions : public StoreTest {
 protected:
  void SetUp() override { CreateFilled(); }
  static Suspension Of(SuspensionScope scope, std::string subject, std::string by) {
    return {.scope = scope,
            .subject = std::move(subject),
            .authority = "SSC 2026-11-21",
            .by = std::move(by),
            .since = kNow,
            .lift_by = {}};
  }
  bool IsSuspended(SuspensionScope scope, std::string_view subject) {
    const auto records = store_->Open();
    return (*records)->FindSuspension(scope, subject)->has_value();
  }
};

TEST_F(Suspensions, HoldOverARestartUntilTwoOperatorsLiftThem) {
  ASSERT_TRUE(store_->Suspend({Of(SuspensionScope::kParty, "SUPA", "operator-1")}, kNow));
  Reopen();
  EXPECT_TRUE(IsSuspended(SuspensionScope::kParty, "SUPA"));
  EXPECT_FALSE(IsSuspended(SuspensionScope::kParty, "SUPB"));
  const auto first = store_->AgreeToLift({Of(SuspensionScope::kParty, "SUPA", "operator-2")}, kNow);
  ASSERT_TRUE(first);
  EXPECT_FALSE(first->complete);
  EXPECT_THAT(store_->AgreeToLift({Of(SuspensionScope::kParty, "SUPA", "operator-2")}, kNow),
              FailsWith(Reason::kOtherOperator));
  EXPECT_TRUE(IsSuspended(SuspensionScope::kParty, "SUPA"));
  EXPECT_TRUE(
      store_->AgreeToLift({Of(SuspensionScope::kParty, "SUPA", "operator-1")}, kNow)->complete);
  EXPECT_FALSE(IsSuspended(SuspensionScope::kParty, "SUPA"));
  EXPECT_THAT(store_->AgreeToLift({Of(SuspensionScope::kParty, "SUPA", "operator-1")}, kNow),
              FailsWith(Reason::kNotFound));
}

TEST_F(Suspensions, AreNotLiftedByWhomConfigurationNoLongerNames) {
  const auto row = [](std::string by) {
    return Of(SuspensionScope::kParty, "SUPA", std::move(by));
  };
  ASSERT_TRUE(store_->Suspend({row("operator-2")}, kNow));
  ASSERT_TRUE(store_->AppendAccess(audit::Entry("configuration", kNow), {"operator-2"}));
  ASSERT_TRUE(store_->AgreeToLift({row("operator-2")}, kNow));
  EXPECT_THAT(store_->AgreeToLift({row("operator-1")}, kNow), FailsWith(Reason::kForbidden));
  EXPECT_TRUE(IsSuspended(SuspensionScope::kParty, "SUPA"));
}

TEST_F(Suspensions, NeedTwoNewWordsAfterANewOrder) {
  const auto row = [](std::string by) {
    return Of(SuspensionScope::kParty, "SUPA", std::move(by));
  };
  ASSERT_TRUE(store_->Suspend({row("operator-1")}, kNow));
  ASSERT_TRUE(store_->AgreeToLift({row("operator-1")}, kNow));
  ASSERT_TRUE(store_->Suspend({row("operator-3")}, kNow));
  EXPECT_FALSE(store_->AgreeToLift({row("operator-2")}, kNow)->complete);
  EXPECT_TRUE(store_->AgreeToLift({row("operator-1")}, kNow)->complete);
}

TEST_F(Suspensions, AreLiftedByTwoWordsOfOneDay) {
  const auto row = [](std::string by) {
    return Of(SuspensionScope::kParty, "SUPA", std::move(by));
  };
  constexpr std::int64_t kDay = 24 * 60 * 60;
  ASSERT_TRUE(store_->Suspend({row("operator-1")}, kNow));
  ASSERT_TRUE(store_->AgreeToLift({row("operator-1")}, kNow));
  // Too late: this is a first word again, also of the one who had spoken before.
  EXPECT_FALSE(store_->AgreeToLift({row("operator-1")}, kNow.PlusSeconds(kDay))->complete);
  EXPECT_FALSE(store_->AgreeToLift({row("operator-2")}, kNow.PlusSeconds(2 * kDay))->complete);
  EXPECT_TRUE(store_->AgreeToLift({row("operator-1")}, kNow.PlusSeconds(3 * kDay - 1))->complete);
  EXPECT_FALSE(IsSuspended(SuspensionScope::kParty, "SUPA"));
}

// R-SEC3-52: what was stopped in one action goes on in one.
TEST_F(Suspensions, OfManyAreLiftedTogetherByTwoWordsForTheSameList) {
  const auto rows = [](std::string_view by, std::vector<std::string> subjects) {
    std::vector<Suspension> list;
    for (std::string& subject : subjects) {
      list.push_back(Of(SuspensionScope::kParty, std::move(subject), std::string(by)));
    }
    return list;
  };
  ASSERT_TRUE(store_->Suspend(rows("operator-1", {"A", "B", "C"}), kNow));
  EXPECT_THAT(store_->AgreeToLift(rows("operator-1", {"A", "D"}), kNow),
              FailsWith(Reason::kNotFound));
  ASSERT_TRUE(store_->AgreeToLift(rows("operator-1", {"A", "B"}), kNow));
  EXPECT_THAT(store_->AgreeToLift(rows("operator-1", {"B", "A"}), kNow),
              FailsWith(Reason::kOtherOperator));
  EXPECT_FALSE(store_->AgreeToLift(rows("operator-2", {"A", "B", "C"}), kNow)->complete)
      << "another list";
  EXPECT_FALSE(store_->AgreeToLift(rows("operator-2", {"A"}), kNow)->complete) << "one of it";
  ASSERT_TRUE(store_->Suspend(rows("operator-1", {"Z"}), kNow));
  EXPECT_FALSE(store_->AgreeToLift(rows("operator-2", {"B", "A"}), kNow)->complete)
      << "a new order drops the word";
  EXPECT_TRUE(IsSuspended(SuspensionScope::kParty, "A"));
  const std::uint64_t size = AuditSize();
  EXPECT_TRUE(store_->AgreeToLift(rows("operator-1", {"A", "B", "A"}), kNow)->complete);
  EXPECT_FALSE(IsSuspended(SuspensionScope::kParty, "A"));
  EXPECT_FALSE(IsSuspended(SuspensionScope::kParty, "B"));
  EXPECT_TRUE(IsSuspended(SuspensionScope::kParty, "C"));
  const std::string entry = store_->ReadAudit(size, 1)->front();
  for (const char* field :
       {R"("act":"lift")", R"("complete":true)", R"("operators":["operator-2","operator-1"])",
        R"("subjects":["A","B")"}) {
    EXPECT_THAT(entry, ::testing::HasSubstr(field));
  }
}

TEST_F(Suspensions, StopACommandThatTheHsmWorksOn) {
  const auto counter = StoreTest::Reserve(Id(1));
  ASSERT_TRUE(counter);
  ASSERT_TRUE(
      store_->Suspend({Of(SuspensionScope::kDevice, kDevice.Hyphenated(), "operator-1")}, kNow));
  EXPECT_THAT(Sign(*counter), FailsWith(Reason::kChangedMeanwhile));
}

// Found by an attack: the operator was told "done", and one of that party was signed after it.
TEST_F(Suspensions, OfAPartySubjectOrIssuerGiveUpWhatTheHsmWorksOn) {
  std::uint64_t request = 1;
  for (const SuspensionScope scope :
       {SuspensionScope::kParty, SuspensionScope::kSubject, SuspensionScope::kIssuer}) {
    const auto counter = StoreTest::Reserve(Id(request));
    ASSERT_TRUE(counter);
    ASSERT_TRUE(store_->Suspend({Of(scope, "somebody", "operator-1")}, kNow));
    EXPECT_THAT(Sign(*counter), FailsWith(Reason::kChangedMeanwhile));
    EXPECT_EQ(Find(Id(request))->state, StoredRequest::State::kAbandoned);
    EXPECT_NE(Spend(Id(request)), 0u) << "asked again, it is judged again";
    ++request;
  }
  const auto counter = StoreTest::Reserve(Id(request));
  ASSERT_TRUE(counter);
  ASSERT_TRUE(store_->Suspend(
      {Of(SuspensionScope::kDevice, kOtherDevice.Hyphenated(), "operator-1")}, kNow));
  EXPECT_TRUE(Sign(*counter)) << "of another device";
}

TEST_F(Suspensions, MakeWhatIsUnderWayBeDecidedAnew) {
  const ReservationWish before = Wish(Id(1));
  ASSERT_TRUE(store_->Suspend({Of(SuspensionScope::kAll, "", "operator-1")}, kNow));
  EXPECT_THAT(store_->Reserve(before), FailsWith(Reason::kChangedMeanwhile));
}

TEST_F(Suspensions, BlockManyDevicesInOneAct) {
  std::vector<Suspension> rows;
  for (std::uint64_t i = 1; i <= 1000; ++i) {
    rows.push_back(Of(SuspensionScope::kDevice, Eui64(i).Hyphenated(), "operator-1"));
  }
  const std::uint64_t entries = *store_->AuditSize();
  ASSERT_TRUE(store_->Suspend(rows, kNow));
  EXPECT_EQ(*store_->AuditSize(), entries + 32 + 1) << "1000 subjects, 32 an entry, and `anchor`";
  EXPECT_EQ(store_->ListSuspensions()->size(), 1000u);
  EXPECT_TRUE(IsSuspended(SuspensionScope::kDevice, Eui64(1000).Hyphenated()));
}

// Likewise.
TEST_F(Suspensions, ListAWordToLiftForAsLongAsItCounts) {
  Suspension device{.scope = SuspensionScope::kDevice,
                    .subject = kDevice.Hyphenated(),
                    .authority = "SSC 1",
                    .by = "operator-1",
                    .since = kNow,
                    .lift_by = {}};
  Suspension party = device;
  party.scope = SuspensionScope::kParty;
  party.subject = "SUPP";
  ASSERT_TRUE(store_->Suspend({device}, kNow));
  ASSERT_TRUE(store_->Suspend({party}, kNow));
  const auto waits = [&](UtcTime at) {
    return std::ranges::count_if(*store_->ListSuspensions(at),
                                 [](const Suspension& row) { return !row.lift_by.empty(); });
  };
  ASSERT_TRUE(store_->AgreeToLift({device}, kNow));
  EXPECT_EQ(waits(kNow), 1);
  EXPECT_EQ(waits(kNow.PlusSeconds(kWordSeconds)), 0);
  ASSERT_TRUE(store_->AgreeToLift({device, party}, kNow));
  EXPECT_EQ(waits(kNow), 2);
  // A new order drops the words for several.
  ASSERT_TRUE(store_->Suspend({party}, kNow));
  EXPECT_EQ(waits(kNow), 1) << "the one for the device alone";
}

}  // namespace
}  // namespace acb::store
