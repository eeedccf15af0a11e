#include <functional>
#include <utility>

#include "firmware/keys/register.h"
#include "tests/fakes/salts.h"
#include "tests/store/store_fixture.h"

namespace acb::store {
namespace {

constexpr std::uint64_t kBase = 1'000'000;

// A store that was put back to an earlier state: its anchor names a tree that it does not have.
class PutBack : public StoreTest {
 protected:
  void SetUp() override { CreateFilled(); }
  // To before `work`.
  void Lose(const std::function<void()>& work) {
    CopyTo("earlier");
    Reopen();
    work();
    ASSERT_TRUE(store_->AnchorNow());
    entries_ = *store_->ReadAudit(0, 1000);
    store_.reset();  // killed
    std::filesystem::remove_all(settings_.directory);
    std::filesystem::rename(root_ / "earlier", settings_.directory);
    Open();
  }
  void CopyTo(const char* name) {
    store_.reset();
    std::filesystem::copy(settings_.directory, root_ / name,
                          std::filesystem::copy_options::recursive);
  }
  std::vector<std::string> Log() { return *store_->ReadAudit(0, 1000); }
  void PutBackTo(const char* name) {
    store_.reset();
    std::filesystem::remove_all(settings_.directory);
    std::filesystem::copy(root_ / name, settings_.directory,
                          std::filesystem::copy_options::recursive);
    Open();
  }
  // With an entry that a replay takes for the service's own.
  void ImportAgain(std::vector<Device> devices) {
    audit::Entry entry = FeedEntry();
    entry.Set("feed", Name(Feed::kDevices));
    ASSERT_TRUE(store_->ImportDevices(SourceOf(std::move(devices)), entry));
  }
  void KillAndStart() {
    store_.reset();
    Reopen();
  }
  static RecoverOrder Order(std::uint64_t base) {
    RecoverOrder order;
    order.at = kNow;
    order.operators = {"one", "two"};
    order.reason = "a test";
    order.base = base;
    return order;
  }
  static RecoverOrder From(std::vector<std::string> lines) {
    RecoverOrder order = Order(0);
    order.base.reset();
    order.next_line = [lines = std::move(lines),
                       i = std::size_t{0}]() mutable -> Result<std::optional<std::string>> {
      if (i == lines.size()) return std::optional<std::string>();
      return std::optional(lines[i++]);
    };
    return order;
  }
  Result<Recovery> Do(const RecoverOrder& order) {
    return store_->Recover(objects(), order, settings_.anchor_every);
  }
  void Start() {
    const auto started = store_->Start(objects(), OrderToStart());
    ASSERT_TRUE(started) << started.error().explanation << started.error().detail;
  }

  std::vector<std::string> entries_;
};

class Recover : public PutBack {
 protected:
  void SetUp() override {
    PutBack::SetUp();
    greatest_ = Spend(Id(1));
    Lose([this] { greatest_ = Spend(Id(2)); });
  }

  std::uint64_t greatest_ = 0;
};

TEST_F(Recover, IsNeededByAStoreThatIsOlderThanItsAnchor) {
  EXPECT_THAT(store_->CheckAnchors(objects()), FailsWith(Reason::kStoreRolledBack));
  EXPECT_THAT(store_->Start(objects(), OrderToStart()), FailsWith(Reason::kStoreRolledBack));
}

TEST_F(Recover, WithABaseGoesOnAboveItOnceAFloorIsKnown) {
  const auto done = Do(Order(kBase));
  ASSERT_TRUE(done) << done.error().explanation << done.error().detail;
  EXPECT_TRUE(done->cells_unknown);
  EXPECT_EQ(token_.List().size(), 1u);
  Start();
  EXPECT_THAT(Reserve(Id(3)), FailsWith(Reason::kCellUnknown));
  Device without = TestDevice();
  without.supplier = OfAcb({});
  Import({without});
  EXPECT_THAT(Reserve(Id(3)), FailsWith(Reason::kCellUnknown)) << "the recorded floor may be old";
  Import({TestDevice()});
  EXPECT_GT(Spend(Id(3)), kBase);
}

TEST_F(Recover, TakesNoBaseThatTheStoreKnowsToBeTooLow) {
  EXPECT_THAT(Do(Order(kNetworkFloor)), FailsWith(Reason::kCounterRegression));
  EXPECT_THAT(Do(Order(kMaxSeqNumber)), FailsWith(Reason::kCounterLimit));
  EXPECT_TRUE(Do(Order(kNetworkFloor + 1)));
  EXPECT_THAT(Do(Order(kNetworkFloor)), FailsWith(Reason::kCounterRegression));
  // P1: a box may have run above it, and a copy of before it may have been restored since.
  EXPECT_THAT(Do(Order(kNetworkFloor + 1)), FailsWith(Reason::kCounterRegression));
  EXPECT_TRUE(Do(Order(kNetworkFloor + 2)));
}

TEST_F(Recover, FromTheLogAppendsWhatWasLostAndGoesOnAboveIt) {
  const auto done = Do(From(entries_));
  ASSERT_TRUE(done) << done.error().explanation << done.error().detail;
  EXPECT_GT(done->appended, 0u);
  EXPECT_FALSE(done->cells_unknown);
  const auto read = store_->ReadAudit(0, entries_.size());
  ASSERT_TRUE(read);
  const auto anchored = static_cast<std::ptrdiff_t>(done->tree_size - 1);
  EXPECT_TRUE(std::equal(read->begin(), read->begin() + anchored, entries_.begin()));
  Start();
  EXPECT_GT(Spend(Id(2)), greatest_) << "its answer was lost: decided anew, greater (P5)";
}

TEST_F(Recover, FromALogThatEndsEarlyOrWasChangedDoesNothing) {
  std::vector<std::string> cut(entries_.begin(), entries_.end() - 2);
  EXPECT_THAT(Do(From(cut)), FailsWith(Reason::kStoreRolledBack));
  std::vector<std::string> changed = entries_;
  changed.back()[changed.back().size() / 2] ^= 1;
  EXPECT_FALSE(Do(From(changed)));
  std::vector<std::string> gap = entries_;
  gap.erase(gap.begin() + 1);
  EXPECT_THAT(Do(From(gap)), FailsWith(Reason::kBackupDamaged));
  EXPECT_THAT(store_->CheckAnchors(objects()), FailsWith(Reason::kStoreRolledBack));
  EXPECT_TRUE(Do(From(entries_)));
}

TEST_F(Recover, OnATokenWithoutAnchorTakesABaseAlone) {
  token_.Restore({});
  EXPECT_THAT(store_->CheckAnchors(objects()), FailsWith(Reason::kAnchorMissing));
  EXPECT_THAT(Do(From(entries_)), FailsWith(Reason::kAnchorMissing));
  ASSERT_TRUE(Do(Order(kBase)));
  Start();
}

// Whatever call to the token is the last, the box starts above everything or is recovered again.
TEST_F(Recover, LeavesAStateToGoOnFromWhereverItEnds) {
  CopyTo("before");
  const std::vector<Bytes> objects_before = token_.List();
  for (int last = 1; last < 12; ++last) {
    for (const auto fault :
         {FakeAnchorObjects::Fault::kFails, FakeAnchorObjects::Fault::kDoneButFails}) {
      store_.reset();
      std::filesystem::remove_all(settings_.directory);
      std::filesystem::copy(root_ / "before", settings_.directory,
                            std::filesystem::copy_options::recursive);
      token_.Restore(objects_before);
      Open();
      FakeAnchorObjects dying(token_);
      dying.fault = [&](FakeAnchorObjects::Call, int number) {
        if (number < last) return FakeAnchorObjects::Fault::kNone;
        return number == last ? fault : FakeAnchorObjects::Fault::kFails;
      };
      (void)store_->Recover(dying, Order(kBase), settings_.anchor_every);
      Open();
      if (!store_->CheckAnchors(objects())) {
        const auto again = Do(Order(kBase));
        ASSERT_TRUE(again) << last << again.error().explanation;
      }
      Start();
      Import({TestDevice()});
      EXPECT_GT(Spend(Id(9)), kBase) << last;
    }
  }
}

// What entries of the log do when they are done again.
class Replayed : public PutBack {
 protected:
  Result<CountersImport> SayImport(const char* who, std::uint64_t last_issued) {
    ImportWish wish;
    wish.head.store = StoreId{9, 9};
    wish.head.environment = Environment::kTest;
    wish.fenced = true;
    wish.operator_name = who;
    wish.at = kNow;
    return store_->ImportCounters(
        wish, [last_issued, given = false]() mutable -> Result<std::optional<ExportedCounters>> {
          if (std::exchange(given, true)) return std::optional<ExportedCounters>();
          return std::optional(ExportedCounters{kDevice, last_issued, 0, OfAcb(kSupplierFloor),
                                                OfAcb(kNetworkFloor)});
        });
  }
  void RecoverFromLog() {
    const auto done = Do(From(entries_));
    ASSERT_TRUE(done) << done.error().explanation << done.error().detail;
    Start();
  }
};

// P1: the counters that came are told by no entry.
TEST_F(Replayed, AnImportOfCountersTakesABase) {
  Lose([this] {
    ASSERT_TRUE(SayImport("ada", 900'000));
    ASSERT_TRUE(SayImport("bob", 900'000));
    ASSERT_EQ(FindDevice()->last_issued, 900'000u);
  });
  const auto done = Do(From(entries_));
  ASSERT_THAT(done, FailsWith(Reason::kBackupDamaged));
  EXPECT_THAT(done.error().explanation, ::testing::HasSubstr("--base"));
  ASSERT_TRUE(Do(Order(kBase)));
  Start();
  Import({TestDevice()});
  EXPECT_GT(Spend(Id(3)), kBase);
}

TEST_F(Replayed, AnImportThatOneOperatorAskedForChangesNothing) {
  Lose([this] { ASSERT_TRUE(SayImport("ada", 900'000)); });
  RecoverFromLog();
  EXPECT_LT(Spend(Id(3)), 900'000u);
}

Observation Moved(CellState::Holder placed, std::uint64_t counter) {
  Observation seen(kNow);
  seen.stage = ObservedStage::kExecuted;
  seen.device = kDevice;
  seen.acb = kAcb;
  seen.originator = kUser;
  seen.counter = counter;
  seen.message_code = 0x0103;
  RoleFacts facts;
  facts.role = kNetworkRole;
  facts.result = RoleFacts::Result::kSuccess;
  facts.placed = placed;
  if (placed == CellState::Holder::kParty) facts.party = kUser;
  facts.floor = counter;
  seen.roles = {facts};
  seen.command = ByteWriter().U64(counter).bytes();
  seen.response = Bytes(8, 0x52);
  return seen;
}

// R-128-21, P2.
TEST_F(Replayed, AMessageOlderThanALostOneDoesNotGiveTheCellBack) {
  Lose([this] { ASSERT_TRUE(store_->Record(Moved(CellState::Holder::kParty, 12'000))); });
  RecoverFromLog();
  ASSERT_EQ(FindDevice()->network_operator.holder, CellState::Holder::kParty);
  const auto stale = store_->Record(Moved(CellState::Holder::kAcb, 9'000));
  ASSERT_TRUE(stale);
  EXPECT_THAT(stale->observations, ::testing::ElementsAre("STALE_OBSERVATION"));
  EXPECT_THAT(Reserve(Id(3), kNetworkRole), FailsWith(Reason::kCellNotAcb));
  ASSERT_TRUE(store_->Record(Moved(CellState::Holder::kAcb, 13'000)));
  EXPECT_GT(Spend(Id(4), kNetworkRole), 13'000u);
}

// Of a log that no anchor proves: the cell is unknown, and stays so.
TEST_F(Replayed, AMessageOlderThanAnUnprovenOneDoesNotGiveTheCellBack) {
  std::string line;
  Lose([&] {
    ASSERT_TRUE(store_->Record(Moved(CellState::Holder::kParty, 12'000)));
    line = LastEntry();
  });
  // The anchored tree without it, and then the line again as if it came behind.
  std::vector<std::string> lines = entries_;
  const std::string was = line.substr(line.find("\"index\":"));
  const std::string index = was.substr(0, was.find_first_of(",}"));
  line.replace(line.find(index), index.size(),
               "\"index\":\"" + std::to_string(lines.size()) + "\"");
  const std::string counter = "\"originator_counter\":\"12000\"";
  ASSERT_NE(line.find(counter), std::string::npos);
  line.replace(line.find(counter), counter.size(), "\"originator_counter\":\"14000\"");
  lines.push_back(line);
  const auto done = Do(From(lines));
  ASSERT_TRUE(done) << done.error().explanation;
  ASSERT_EQ(done->taken_in, 1u);
  Start();
  EXPECT_EQ(FindDevice()->network_operator.holder, CellState::Holder::kUnknown);
  ASSERT_TRUE(store_->Record(Moved(CellState::Holder::kAcb, 13'000)));
  EXPECT_THAT(Reserve(Id(3), kNetworkRole), FailsWith(Reason::kCellUnknown));
}

TEST_F(Replayed, OneOperatorsWordDoesNotFenceTheBox) {
  Lose([this] {
    const auto said = store_->AgreeToExport({true, "ada", kNow});
    ASSERT_TRUE(said);
    ASSERT_FALSE(said->complete);
  });
  RecoverFromLog();
  EXPECT_GT(Spend(Id(3)), 0u);
}

TEST_F(Replayed, TwoOperatorsWordsFenceTheBox) {
  Lose([this] {
    ASSERT_TRUE(store_->AgreeToExport({true, "ada", kNow}));
    ASSERT_TRUE(store_->AgreeToExport({true, "bob", kNow})->fenced);
  });
  RecoverFromLog();
  EXPECT_THAT(Reserve(Id(3)), FailsWith(Reason::kCountersExported));
}

TEST_F(Replayed, AnIssuedNumberOutOfQuarantineIsIssued) {
  const std::uint64_t far = settings_.counter_jump * 2;
  ASSERT_TRUE(SayImport("ada", far));
  ASSERT_TRUE(SayImport("bob", far));
  const auto held = store_->ListQuarantine(0, 10);
  ASSERT_TRUE(held);
  ASSERT_EQ(held->size(), 1u);
  Lose([&] {
    for (const char* who : {"ada", "bob"}) {
      ASSERT_TRUE(store_->AgreeOnQuarantined(held->front().id, QuarantineAct::kRelease, who, kNow));
    }
    ASSERT_EQ(FindDevice()->last_issued, far);
  });
  RecoverFromLog();
  EXPECT_GE(FindDevice()->last_issued, far);
}

// design.md section 4, "Recover": every cell is unknown until something made after it says more.
TEST_F(Replayed, ANumberHeldBeforeARecoveryOnlyRaisesWhenItIsReleased) {
  settings_.counter_jump = 1'000'000;
  Reopen();
  const std::uint64_t high = 20'000'000;
  const auto release = [this](std::uint64_t id) {
    for (const char* who : {"ada", "bob"}) {
      ASSERT_TRUE(store_->AgreeOnQuarantined(id, QuarantineAct::kRelease, who, kNow));
    }
  };
  ASSERT_TRUE(store_->Record(Moved(CellState::Holder::kAcb, high)));
  const auto before = store_->ListQuarantine(0, 10);
  ASSERT_EQ(before->size(), 1u);
  Lose([this] { Spend(Id(1)); });
  ASSERT_TRUE(Do(Order(kBase)));
  Start();
  // Observed again: this word of the device is newer than the recovery.
  ASSERT_TRUE(store_->Record(Moved(CellState::Holder::kAcb, high)));
  const auto held = store_->ListQuarantine(0, 10);
  ASSERT_EQ(held->size(), 2u);
  release(held->front().id);
  EXPECT_EQ(FindDevice()->network_operator.holder, CellState::Holder::kUnknown);
  EXPECT_EQ(FindDevice()->network_operator.floor, FloorSeqNumber::From(high));
  release(held->back().id);
  EXPECT_EQ(FindDevice()->network_operator.holder, CellState::Holder::kAcb);
  EXPECT_GT(Spend(Id(4), kNetworkRole), high);
}

TEST_F(Replayed, WhatOperatorsTookOutOfQuarantineStopsItsCellNoMore) {
  settings_.counter_jump = 1'000'000;
  Reopen();
  ASSERT_TRUE(store_->Record(Moved(CellState::Holder::kAcb, 20'000'000)));
  const auto held = store_->ListQuarantine(0, 10);
  ASSERT_EQ(held->size(), 1u);
  Lose([&] {
    for (const char* who : {"ada", "bob"}) {
      ASSERT_TRUE(store_->AgreeOnQuarantined(held->front().id, QuarantineAct::kDelete, who, kNow));
    }
  });
  RecoverFromLog();
  ASSERT_TRUE(store_->Record(Moved(CellState::Holder::kAcb, 13'000)));
  EXPECT_GT(Spend(Id(4), kNetworkRole), 13'000u);
}

Observation OfAcbWith(std::uint64_t counter, const Bytes& command) {
  Observation seen(kNow);
  seen.stage = ObservedStage::kOther;
  seen.device = kDevice;
  seen.acb = kAcb;
  seen.originator = kAcb;
  seen.counter = counter;
  seen.message_code = 0x0008;
  seen.command = command;
  return seen;
}

// R-128-21: what waits for two operators stops its cell after the recovery as before it.
TEST_F(Replayed, WhatWaitedInQuarantineWaitsAgain) {
  settings_.counter_jump = 1'000'000;
  Reopen();
  const std::uint64_t high = 20'000'000;
  Lose([&] { ASSERT_TRUE(store_->Record(Moved(CellState::Holder::kAcb, high))); });
  RecoverFromLog();
  const auto held = store_->ListQuarantine(0, 10);
  ASSERT_TRUE(held);
  ASSERT_EQ(held->size(), 1u);
  EXPECT_EQ(held->front().floor, FloorSeqNumber::From(high));
  Device told = TestDevice();
  Import({told});
  EXPECT_THAT(Reserve(Id(3), kNetworkRole), FailsWith(Reason::kCounterUnknown));
  for (const char* who : {"ada", "bob"}) {
    ASSERT_TRUE(store_->AgreeOnQuarantined(held->front().id, QuarantineAct::kRelease, who, kNow));
  }
  EXPECT_EQ(FindDevice()->network_operator.floor, FloorSeqNumber::From(high));
}

// R-NOW-11: a request above a volume threshold.
class ReplayedRequests : public Replayed {
 protected:
  std::uint64_t Hold(std::uint64_t id) {
    const std::string body = BodyOf(Id(id));
    audit::Entry entry("quarantined", kNow);
    entry.Set("request_id", Id(id).Text())
        .Set("device", kDevice.Hyphenated())
        .Set("role", acb::Name(kSupplierRole))
        .Set("reason", "VOLUME_EXCEEDED")
        .Set("request_sha256", ToHex(Sha256(AsBytes(body))));
    const auto held =
        store_->AppendQuarantined(Id(id), Sha256(AsBytes(body)), kSupplierRole, entry,
                                  Failure(Reason::kVolumeExceeded, "why"), AsBytes(body));
    EXPECT_TRUE(held);
    return held ? held->index : 0;
  }
  void Agree(std::uint64_t number, QuarantineAct act) {
    for (const char* who : {"ada", "bob"}) {
      ASSERT_TRUE(store_->AgreeOnQuarantined(number, act, who, kNow));
    }
  }
  StoredRequest Request(std::uint64_t id) {
    const auto records = store_->Open();
    return **(*records)->FindRequest(Id(id));
  }
};

TEST_F(ReplayedRequests, ThatWaitedWaitAgainAndAReleaseOpensThem) {
  std::uint64_t number = 0;
  Lose([&] { number = Hold(5); });
  RecoverFromLog();
  EXPECT_EQ(Request(5).state, StoredRequest::State::kQuarantined);
  EXPECT_EQ(Request(5).reason, Reason::kVolumeExceeded);
  ASSERT_EQ(store_->ListQuarantine(0, 10)->size(), 1u);
  EXPECT_EQ(store_->ListQuarantine(0, 10)->front().id, number);
  Agree(number, QuarantineAct::kRelease);
  EXPECT_EQ(Request(5).state, StoredRequest::State::kAbandoned) << "open for its octets";
  EXPECT_GT(Spend(Id(5)), 0u);
}

TEST_F(ReplayedRequests, ThatOperatorsDeletedStayRefused) {
  Lose([&] { Agree(Hold(5), QuarantineAct::kDelete); });
  RecoverFromLog();
  EXPECT_EQ(Request(5).state, StoredRequest::State::kRefused);
  EXPECT_EQ(Request(5).reason, Reason::kDeletedByOperators);
  EXPECT_EQ(store_->ListQuarantine(0, 10)->size(), 0u);
}

TEST_F(ReplayedRequests, ThatWaitedInTheCopyAndWereDeletedSinceStayRefused) {
  const std::uint64_t number = Hold(5);
  Lose([&] { Agree(number, QuarantineAct::kDelete); });
  RecoverFromLog();
  EXPECT_EQ(Request(5).reason, Reason::kDeletedByOperators);
  EXPECT_EQ(store_->ListQuarantine(0, 10)->size(), 0u);
}

// P1.
TEST_F(Replayed, ACounterOfTheAcbThatWaitedIsSpentForAllCellsOnRelease) {
  settings_.counter_jump = 1'000'000;
  Reopen();
  const std::uint64_t high = 20'000'000;
  Lose([&] { ASSERT_TRUE(store_->Record(OfAcbWith(high, {1, 2, 3}))); });
  RecoverFromLog();
  const auto held = store_->ListQuarantine(0, 10);
  ASSERT_EQ(held->size(), 2u) << "a cell each";
  EXPECT_TRUE(held->front().issued);
  for (const char* who : {"ada", "bob"}) {
    ASSERT_TRUE(store_->AgreeOnQuarantined(held->front().id, QuarantineAct::kRelease, who, kNow));
  }
  EXPECT_EQ(FindDevice()->last_issued, high);
}

TEST_F(Replayed, AReleaseThatWasLostRaisesTheCounterAgain) {
  settings_.counter_jump = 1'000'000;
  Reopen();
  const std::uint64_t high = 20'000'000;
  ASSERT_TRUE(store_->Record(OfAcbWith(high, {1, 2, 3})));
  const auto held = store_->ListQuarantine(0, 10);
  Lose([&] {
    for (const char* who : {"ada", "bob"}) {
      ASSERT_TRUE(store_->AgreeOnQuarantined(held->front().id, QuarantineAct::kRelease, who, kNow));
    }
  });
  RecoverFromLog();
  EXPECT_GE(FindDevice()->last_issued, high);
}

// design.md section 5: signed and MACed for with the pair that the cell holds.
TEST_F(Replayed, ACellHasThePairThatTheLostMessagePutThere) {
  Lose([this] {
    Observation seen = Moved(CellState::Holder::kAcb, 12'000);
    seen.roles.front().acb_key = AcbKeyId{77};
    ASSERT_TRUE(store_->Record(seen));
  });
  RecoverFromLog();
  EXPECT_EQ(FindDevice()->network_operator.acb_key, AcbKeyId{77});
}

// P9: what the box knows to be lost is not decided without.
TEST_F(Replayed, AFeedWhoseNewestImportWasLostIsToBeImportedAgain) {
  const std::vector<MpanPrefix> rows = {{.prefix = "12", .party = "NETX"}};
  audit::Entry entry = FeedEntry();
  entry.Set("feed", Name(Feed::kMpanPrefixes));
  Lose([&] { ASSERT_TRUE(store_->ImportMpanPrefixes(rows, entry)); });
  RecoverFromLog();
  const auto lost = store_->FindLastImport(Feed::kMpanPrefixes);
  ASSERT_TRUE(lost && lost->has_value());
  EXPECT_TRUE((*lost)->lost);
  Reopen();
  EXPECT_TRUE((*store_->FindLastImport(Feed::kMpanPrefixes))->lost) << "over a restart";
  ASSERT_TRUE(store_->ImportMpanPrefixes(rows, entry));
  EXPECT_FALSE((*store_->FindLastImport(Feed::kMpanPrefixes))->lost);
}

// P9: of a feed whose files add to each other the newest alone says too little.
TEST_F(Replayed, EachLostImportOfAFeedThatAddsIsToComeAgain) {
  audit::Entry entry = FeedEntry();
  entry.Set("feed", Name(Feed::kParties));
  const auto import = [&](const char* party) {
    PartyRecord row;
    row.user_id = Eui64(static_cast<std::uint64_t>(party[0]));
    row.party = party;
    row.from = kNow;
    EXPECT_TRUE(store_->ImportParties({row}, entry));
  };
  const auto lost = [&] { return (*store_->FindLastImport(Feed::kParties))->lost; };
  Lose([&] {
    import("A");
    import("B");
    import("B");  // says nothing new
  });
  RecoverFromLog();
  EXPECT_TRUE(lost());
  import("B");
  EXPECT_TRUE(lost()) << "A is not here yet";
  Reopen();
  EXPECT_TRUE(lost());
  import("A");
  EXPECT_FALSE(lost());
}

// design.md section 4: COUNTER_EXHAUSTED "for that device", and for no other.
TEST_F(Replayed, ADeviceThatNoBaseIsAboveStandsInNobodysWay) {
  Device other = TestDevice();
  other.id = Eui64{kDevice.value() + 1};
  ImportAgain({other});
  settings_.counter_jump = 1'000'000;
  Reopen();
  ASSERT_TRUE(store_->Record(Moved(CellState::Holder::kAcb, kMaxSeqNumber)));
  const auto held = store_->ListQuarantine(0, 10);
  ASSERT_EQ(held->size(), 1u);
  for (const char* who : {"ada", "bob"}) {
    ASSERT_TRUE(store_->AgreeOnQuarantined(held->front().id, QuarantineAct::kRelease, who, kNow));
  }
  CopyTo("backup");
  Reopen();
  Spend(Id(1), kSupplierRole);
  ASSERT_TRUE(store_->AnchorNow());
  PutBackTo("backup");
  const auto done = Do(Order(kBase));
  ASSERT_TRUE(done) << done.error().explanation;
  EXPECT_THAT(done->exhausted, ::testing::ElementsAre(kDevice));
  Start();
  ImportAgain({TestDevice(), other});
  EXPECT_THAT(Reserve(Id(3), kSupplierRole), FailsWith(Reason::kCounterExhausted));
  EXPECT_GT(Spend(Id(4, other.id)), kBase);

  // And stays so after the next recovery, of the same backup.
  ASSERT_TRUE(store_->AnchorNow());
  const auto log = Log();
  PutBackTo("backup");
  ASSERT_TRUE(Do(From(log)));
  Start();
  ImportAgain({TestDevice(), other});
  EXPECT_THAT(Reserve(Id(5), kSupplierRole), FailsWith(Reason::kCounterExhausted));
}

// design.md section 4: the base is above every counter ever signed.
TEST_F(Replayed, ACounterOfTheAcbFarBelowTheBaseIsNotTooFarAhead) {
  settings_.counter_jump = 100'000;
  Reopen();
  Lose([this] { Spend(Id(1)); });
  ASSERT_TRUE(Do(Order(kBase)));
  Start();
  ASSERT_TRUE(store_->Record(OfAcbWith(kBase - 10, {1, 2, 3})));
  EXPECT_EQ(store_->ListQuarantine(0, 10)->size(), 0u);
}

// design.md section 4: "one not given out here is an alarm", and no other.
TEST_F(Replayed, WhatWasGivenOutIsNoAlarmAndAnotherCommandWithItsCounterIs) {
  std::uint64_t elsewhere = 0, signed_here = 0;
  const Bytes command{1, 2, 3, 4};
  Lose([&] {
    const auto given = store_->ReserveElsewhere({kDevice, {}, "8.5", "client", kNow});
    ASSERT_TRUE(given);
    elsewhere = given->counter.value();
    const auto counter = Reserve(Id(7));
    ASSERT_TRUE(counter);
    signed_here = counter->counter().value();
    audit::Entry entry = SignedEntry(*counter);
    entry.Set("command_sha256", ToHex(Sha256(command)));
    ASSERT_TRUE(store_->AppendSigned(*counter, entry, kAcb, {command}, AsBytes(BodyOf(Id(7)))));
  });
  RecoverFromLog();
  const auto observations = [this](std::uint64_t counter, const Bytes& octets) {
    const auto recorded = store_->Record(OfAcbWith(counter, octets));
    EXPECT_TRUE(recorded);
    return recorded ? recorded->observations : std::vector<std::string>{"none"};
  };
  EXPECT_THAT(observations(elsewhere, {9}), ::testing::IsEmpty());
  EXPECT_THAT(observations(signed_here, command), ::testing::IsEmpty());
  EXPECT_THAT(observations(signed_here, {8}), ::testing::ElementsAre("COUNTER_NOT_OURS"));
}

// reliability.md section 1: no anchor proves what follows the anchored tree.
TEST_F(Replayed, ANumberBehindTheAnchoredTreeMayNotJumpTooFar) {
  Lose([this] { ASSERT_NE(Spend(Id(1)), 0u); });
  const auto with = [this](std::uint64_t counter) {
    std::vector<std::string> lines = entries_;
    lines.push_back("{\"index\":\"" + std::to_string(lines.size()) +
                    "\",\"kind\":\"signed\",\"device\":\"" + kDevice.Hyphenated() +
                    "\",\"originator_counter\":\"" + std::to_string(counter) + "\"}");
    return From(std::move(lines));
  };
  const std::uint64_t far = settings_.counter_jump * 2;
  const auto done = Do(with(far));
  ASSERT_THAT(done, FailsWith(Reason::kBackupDamaged));
  for (const std::uint64_t number : {std::uint64_t{entries_.size() + 1}, far}) {
    EXPECT_THAT(done.error().explanation, ::testing::HasSubstr(std::to_string(number)));
  }
  const std::uint64_t near = settings_.counter_jump / 2;
  const auto good = Do(with(near));
  ASSERT_TRUE(good) << good.error().explanation;
  EXPECT_EQ(good->taken_in, 1u);
  Start();
  EXPECT_GT(Spend(Id(3)), near);
}

// R-SEC3-40, R-SEC3-41: what ceremonies made of keys, told by their entries alone.
class KeysReplayed : public PutBack {
 protected:
  static keys::KeyRecord Key(std::string label, keys::State state) {
    keys::KeyRecord key;
    key.label = std::move(label);
    key.role = keys::PartsOf(key.label)->role;
    key.generation = keys::PartsOf(key.label)->generation;
    key.state = state;
    key.point.fill(0x04);
    key.transitions.push_back({keys::State::kGenerated, kNow, {"one", "two"}});
    return key;
  }
  static audit::Entry Entry(bool complete, const std::vector<keys::KeyRecord>& keys,
                            const std::vector<keys::KeyRecord>& adopted = {}) {
    audit::Entry entry("ceremony", kNow);
    entry.Set("act", "generate").Set("complete", complete).Set("keys", ListOf(keys));
    if (!adopted.empty()) entry.Set("adopted", ListOf(adopted));
    return entry;
  }
  static audit::List ListOf(const std::vector<keys::KeyRecord>& keys) {
    audit::List list;
    for (const keys::KeyRecord& key : keys) list.emplace_back(Describe(key));
    return list;
  }
  static std::string RegisterOf(const std::vector<keys::KeyRecord>& keys) {
    keys::Register made;
    for (const keys::KeyRecord& key : keys) made.Put(key);
    return made.Serialise();
  }
  // As acbctl does: the entry tells what changed, the register is whole.
  void Hold(const audit::Entry& entry, const std::optional<std::string>& whole) {
    ASSERT_TRUE(store_->AppendCeremony(entry, whole));
  }
};

TEST_F(KeysReplayed, AreTheRegisterThatTheLostCeremoniesHadLeft) {
  const auto first = Key("acb-ds", keys::State::kActive);
  const auto made = Key("acb-ds-2", keys::State::kGenerated);
  const auto requested = Key("acb-ds-2", keys::State::kRequested);
  Lose([&] {
    Hold(Entry(true, {made}, {first}), RegisterOf({first, made}));
    Hold(Entry(true, {requested}), RegisterOf({first, requested}));
    Hold(Entry(false, {Key("acb-ds-3", keys::State::kGenerated)}), std::nullopt);
  });
  ASSERT_EQ(*store_->ReadKeyRegister(), std::nullopt);
  const auto done = Do(From(entries_));
  ASSERT_TRUE(done) << done.error().explanation << done.error().detail;
  EXPECT_TRUE(done->ceremonies.empty());
  EXPECT_EQ(*store_->ReadKeyRegister(), RegisterOf({first, requested}));
}

TEST_F(KeysReplayed, GoOnFromTheRegisterThatTheCopyHas) {
  Reopen();
  const auto first = Key("acb-ds", keys::State::kActive);
  Hold(Entry(true, {first}), RegisterOf({first}));
  const auto retired = Key("acb-ds", keys::State::kRetired);
  const auto second = Key("acb-ds-2", keys::State::kActive);
  Lose([&] { Hold(Entry(true, {second, retired}), RegisterOf({retired, second})); });
  ASSERT_EQ(*store_->ReadKeyRegister(), RegisterOf({first}));
  ASSERT_TRUE(Do(From(entries_)));
  EXPECT_EQ(*store_->ReadKeyRegister(), RegisterOf({retired, second}));
}

TEST_F(KeysReplayed, WithoutTheLogStayAsTheCopyHasThem) {
  const auto first = Key("acb-ds", keys::State::kActive);
  Lose([&] { Hold(Entry(true, {first}), RegisterOf({first})); });
  ASSERT_TRUE(Do(Order(kBase)));
  EXPECT_EQ(*store_->ReadKeyRegister(), std::nullopt);
}

// Nothing proves it: what it did is to be looked for in the token.
TEST_F(KeysReplayed, BehindTheAnchoredTreeAreOnlyNamed) {
  Lose([this] { (void)Spend(Id(2)); });
  audit::Entry entry = Entry(true, {Key("acb-ds-2", keys::State::kGenerated)});
  entries_.push_back(entry.Serialise(entries_.size(), acb::testing::NoSalt).octets);
  const auto done = Do(From(entries_));
  ASSERT_TRUE(done) << done.error().explanation << done.error().detail;
  EXPECT_EQ(*store_->ReadKeyRegister(), std::nullopt);
  ASSERT_EQ(done->ceremonies.size(), 1u);
  EXPECT_EQ(done->ceremonies[0], std::to_string(entries_.size() - 1) + " generate");
}

TEST_F(KeysReplayed, OfAnotherFormEndTheRecovery) {
  Lose([this] {
    audit::Entry entry("ceremony", kNow);
    audit::List keys;
    keys.emplace_back(audit::Object{{"label", "acb-ds-2"}});
    Hold(entry.Set("act", "generate").Set("complete", true).Set("keys", std::move(keys)),
         std::nullopt);
  });
  EXPECT_THAT(Do(From(entries_)), FailsWith(Reason::kBackupDamaged));
}

// P1: found by an attack. What one recovery leaves is known to the next, whichever backup each
// begins with.
class TwoRecoveries : public PutBack {
 protected:
  void SetUp() override {
    PutBack::SetUp();
    Spend(Id(1));
    CopyTo("older");
    Reopen();
  }
  void RecoverAndStart(const RecoverOrder& order) {
    const auto done = Do(order);
    ASSERT_TRUE(done) << done.error().explanation << done.error().detail;
    Start();
    ImportAgain({TestDevice()});
  }
};

TEST_F(TwoRecoveries, OfWhichTheFirstTookInWhatNoAnchorProves) {
  for (int kills = 0; kills < 3; ++kills) KillAndStart();  // each adds a window
  Spend(Id(2));
  const auto first = Log();
  PutBackTo("older");
  const auto done = Do(From(first));
  ASSERT_TRUE(done) << done.error().explanation;
  ASSERT_GT(done->taken_in, 0u);
  Start();
  ImportAgain({TestDevice()});
  ASSERT_TRUE(store_->AnchorNow());
  const auto second = Log();
  std::uint64_t greatest = 0;
  for (std::uint64_t i = 3; i < 6; ++i) greatest = Spend(Id(i));
  PutBackTo("older");
  RecoverAndStart(From(second));
  EXPECT_GT(Spend(Id(7)), greatest);
}

TEST_F(TwoRecoveries, OfWhichTheSecondBeginsWithANewerBackup) {
  for (int kills = 0; kills < 3; ++kills) KillAndStart();
  CopyTo("newer");
  Reopen();
  Spend(Id(2));
  ASSERT_TRUE(store_->AnchorNow());
  const auto first = Log();
  PutBackTo("older");
  RecoverAndStart(From(first));
  Spend(Id(3));
  ASSERT_TRUE(store_->AnchorNow());
  const auto second = Log();
  std::uint64_t greatest = 0;
  for (std::uint64_t i = 4; i < 7; ++i) greatest = Spend(Id(i));
  PutBackTo("newer");
  RecoverAndStart(From(second));
  EXPECT_GT(Spend(Id(8)), greatest);
}

// A word to lift that was used, or that a new order had made none, does not come back.
TEST_F(TwoRecoveries, LeaveNoFirstWordAlive) {
  Suspension stop{.scope = SuspensionScope::kAll,
                  .subject = {},
                  .authority = "SSC 1",
                  .by = "one",
                  .since = kNow,
                  .lift_by = {}};
  ASSERT_TRUE(store_->Suspend({stop}, kNow));
  ASSERT_FALSE(store_->AgreeToLift({stop}, kNow)->complete);
  CopyTo("with a word");
  Reopen();
  stop.by = "two";
  ASSERT_TRUE(store_->AgreeToLift({stop}, kNow)->complete);
  ASSERT_TRUE(store_->Suspend({stop}, kNow));
  ASSERT_TRUE(store_->AnchorNow());
  const auto log = Log();
  PutBackTo("with a word");
  ASSERT_TRUE(Do(From(log)));
  Start();
  EXPECT_FALSE(store_->AgreeToLift({stop}, kNow)->complete) << "one word alone lifts nothing";
}

// What stands in the log alone, with a token that is as old as the backup: no anchor proves it.
class Unproven : public TwoRecoveries {
 protected:
  void SetUp() override {
    TwoRecoveries::SetUp();
    objects_before_ = token_.List();
  }
  void PutBackWithToken() {
    PutBackTo("older");
    token_.Restore(objects_before_);
  }
  Recovery RecoverFrom(std::vector<std::string> log) {
    const auto done = Do(From(std::move(log)));
    EXPECT_TRUE(done) << (done ? "" : done.error().explanation + done.error().detail);
    Start();
    return done ? *done : Recovery();
  }
  // The log of a second box that began with this one's, and of its recovery.
  std::vector<std::string> LogOf(const std::function<void()>& work) {
    work();
    std::vector<std::string> log = Log();
    PutBackWithToken();
    return log;
  }
  static Suspension Order(SuspensionScope scope, std::string subject) {
    return {.scope = scope,
            .subject = std::move(subject),
            .authority = "SSC 1",
            .by = "ada",
            .since = kNow,
            .lift_by = {}};
  }
  void ImportParty() {
    audit::Entry entry = FeedEntry();
    entry.Set("feed", Name(Feed::kParties));
    PartyRecord row;
    row.user_id = kUser;
    row.party = "A";
    row.from = kNow;
    ASSERT_TRUE(store_->ImportParties({row}, entry));
  }
  bool IsLost(Feed feed) { return (*store_->FindLastImport(feed))->lost; }
  // With what the service's entry says of the request.
  std::uint64_t SpendNamed(std::uint64_t id) {
    const auto counter = Reserve(Id(id));
    EXPECT_TRUE(counter) << (counter ? "" : counter.error().explanation);
    if (!counter) return 0;
    audit::Entry entry = SignedEntry(*counter);
    entry.Set("request_id", Id(id).Text())
        .Set("role", acb::Name(kSupplierRole))
        .Set("request_sha256", ToHex(Sha256(AsBytes(BodyOf(Id(id))))))
        .Set("command_sha256", ToHex(Sha256(Bytes{1, 2, 3})));
    EXPECT_TRUE(
        store_->AppendSigned(*counter, entry, kAcb, {Bytes{1, 2, 3}}, AsBytes(BodyOf(Id(id)))));
    return counter->counter().value();
  }
  Result<ReservedCounter> ReserveOther(std::uint64_t id) {
    ReservationWish wish = Wish(Id(id));
    wish.body = Sha256(AsBytes("other octets"));
    return store_->Reserve(wish);
  }

  std::vector<Bytes> objects_before_;
};

// R-SEC3-56.
TEST_F(Unproven, OrdersToStopHoldAndAreOnRecord) {
  const auto log = LogOf([this] {
    ASSERT_TRUE(store_->Suspend({Order(SuspensionScope::kDevice, kDevice.Hyphenated())}, kNow));
    ASSERT_TRUE(store_->Suspend({Order(SuspensionScope::kParty, "A")}, kNow));
  });
  EXPECT_GT(RecoverFrom(log).taken_in, 1u);
  EXPECT_THAT(store_->ReserveElsewhere({kDevice, {}, "8.5", "client", kNow}),
              FailsWith(Reason::kBlocked));
  EXPECT_EQ(store_->ListSuspensions(kNow)->size(), 2u);
  ASSERT_TRUE(store_->AnchorNow());
  const auto second = Log();
  PutBackTo("older");
  RecoverFrom(second);
  EXPECT_EQ(store_->ListSuspensions(kNow)->size(), 2u) << "by the log of the first recovery";
}

TEST_F(Unproven, AFenceHolds) {
  const auto log = LogOf([this] {
    ASSERT_TRUE(store_->AgreeToExport({true, "ada", kNow}));
    ASSERT_TRUE(store_->AgreeToExport({true, "bob", kNow})->fenced);
  });
  EXPECT_TRUE(RecoverFrom(log).fenced);
  EXPECT_THAT(Reserve(Id(3)), FailsWith(Reason::kCountersExported));
}

TEST_F(Unproven, OneOperatorsWordIsNoFence) {
  const auto log = LogOf([this] { ASSERT_TRUE(store_->AgreeToExport({true, "ada", kNow})); });
  EXPECT_FALSE(RecoverFrom(log).fenced);
  EXPECT_GT(Spend(Id(3)), 0u);
}

// P9.
TEST_F(Unproven, LostImportsHaveToComeAgainAfterEachRecovery) {
  const auto log = LogOf([this] { ImportParty(); });
  EXPECT_THAT(RecoverFrom(log).feeds, ::testing::ElementsAre("parties"));
  EXPECT_TRUE(IsLost(Feed::kParties));
  ASSERT_TRUE(store_->AnchorNow());
  const auto second = Log();
  PutBackTo("older");
  EXPECT_THAT(RecoverFrom(second).feeds, ::testing::ElementsAre("parties"));
  EXPECT_TRUE(IsLost(Feed::kParties));
  ImportParty();
  EXPECT_FALSE(IsLost(Feed::kParties));
}

// P1: what was issued after the log was saved is below the next counter.
TEST_F(Unproven, AStartRaisesByAWindowMore) {
  for (int kills = 0; kills < 3; ++kills) KillAndStart();
  const auto log = Log();
  const std::uint64_t greatest = Spend(Id(2));
  PutBackWithToken();
  RecoverFrom(log);
  EXPECT_GT(Spend(Id(3)), greatest);
}

TEST_F(Unproven, ARaiseFarAboveIsNotTakenIn) {
  auto log = LogOf([] {});
  log.push_back("{\"index\":\"" + std::to_string(log.size()) +
                "\",\"kind\":\"start\",\"raise\":\"9000000000000000000\"}");
  EXPECT_THAT(Do(From(log)), FailsWith(Reason::kBackupDamaged));
}

// Nothing lowers a raise: steps that are small each would leave no counter in the end.
TEST_F(Unproven, RaisesThatAddUpGetNoFurtherThanOne) {
  const auto log = LogOf([] {});
  const auto with = [&log](const std::vector<std::uint64_t>& raises) {
    std::vector<std::string> lines = log;
    for (const std::uint64_t raise : raises) {
      lines.push_back("{\"index\":\"" + std::to_string(lines.size()) +
                      "\",\"kind\":\"start\",\"raise\":\"" + std::to_string(raise) + "\"}");
    }
    return From(std::move(lines));
  };
  const std::uint64_t step = settings_.counter_jump / 4 * 3;
  EXPECT_THAT(Do(with({step, 2 * step})), FailsWith(Reason::kBackupDamaged));
  const auto one = Do(with({step}));
  ASSERT_TRUE(one) << one.error().explanation;
  EXPECT_EQ(one->raise, step + settings_.anchor_every);
}

TEST_F(Unproven, ImportsThatAnotherRecoveryTookInAreToldOn) {
  std::vector<std::string> lines = LogOf([] {});
  lines.push_back("{\"index\":\"" + std::to_string(lines.size()) +
                  "\",\"kind\":\"operator\",\"act\":\"recover\",\"complete\":true,\"taken_in\":"
                  "\"1\",\"cells_unknown\":false,\"imports_taken_in\":{\"parties\":\"2\"}}");
  ASSERT_TRUE(Do(From(lines)));
  EXPECT_THAT(Log().back(), ::testing::HasSubstr("\"imports_taken_in\":{\"parties\":\"2\"}"));
  Start();
  EXPECT_TRUE(IsLost(Feed::kParties));
}

TEST_F(Unproven, AnOrderThatNobodyCouldLiftIsNotTakenIn) {
  const auto log = LogOf([] {});
  for (const char* what : {R"("scope":"device","subject":"junk")", R"("scope":"all","subject":"A")",
                           R"("scope":"party","subjects":[])"}) {
    std::vector<std::string> lines = log;
    lines.push_back("{\"index\":\"" + std::to_string(lines.size()) +
                    "\",\"kind\":\"operator\",\"act\":\"suspend\",\"time\":\"" + kNow.Iso() +
                    "\"," + what + "}");
    EXPECT_THAT(Do(From(lines)), FailsWith(Reason::kBackupDamaged)) << what;
  }
}

// P5: the RequestID stays that of its octets.
TEST_F(Unproven, ARequestIdIsOpenForItsOctetsAlone) {
  std::uint64_t before = 0;
  const auto log = LogOf([&] { before = SpendNamed(2); });
  RecoverFrom(log);
  EXPECT_THAT(ReserveOther(2), FailsWith(Reason::kChangedMeanwhile));
  EXPECT_GT(SpendNamed(2), before);
}

// P5: the later of two answers stands, or is decided anew.
TEST_F(Unproven, AnAnswerOfBeforeDoesNotComeBackWithANewerBackup) {
  const std::uint64_t first = SpendNamed(2);
  ASSERT_TRUE(store_->AnchorNow());
  const auto log = Log();
  CopyTo("newer");
  PutBackTo("older");
  RecoverFrom(log);
  const std::uint64_t anew = SpendNamed(2);
  ASSERT_GT(anew, first);
  ASSERT_TRUE(store_->AnchorNow());
  const auto second = Log();
  PutBackTo("newer");
  const auto done = Do(From(second));
  ASSERT_TRUE(done) << done.error().explanation;
  Start();
  EXPECT_EQ(Find(Id(2))->state, StoredRequest::State::kAbandoned);
  EXPECT_GT(SpendNamed(2), anew);
}

TEST_F(TwoRecoveries, ThatLoseNothingLeaveTheCellsKnown) {
  Spend(Id(2));
  ASSERT_TRUE(store_->AnchorNow());
  const auto first = Log();
  PutBackTo("older");
  const auto done = Do(From(first));
  ASSERT_TRUE(done);
  EXPECT_FALSE(done->cells_unknown);
  Start();
  const std::uint64_t greatest = Spend(Id(3));
  ASSERT_TRUE(store_->AnchorNow());
  const auto second = Log();
  PutBackTo("older");
  const auto again = Do(From(second));
  ASSERT_TRUE(again) << again.error().explanation;
  EXPECT_FALSE(again->cells_unknown);
  Start();
  EXPECT_GT(Spend(Id(4)), greatest);
}

// P2: which floors came is told by no entry.
TEST_F(Replayed, LostImportsOfDevicesHaveToComeAgainBeforeAnythingIsGivenOut) {
  Device higher = TestDevice();
  higher.network_operator = OfAcb(kNetworkFloor + 100'000);
  Lose([&] {
    ImportAgain({higher});
    higher.network_operator = OfAcb(kNetworkFloor + 200'000);
    ImportAgain({higher});
  });
  RecoverFromLog();
  const auto elsewhere = [this] {
    return store_->ReserveElsewhere({kDevice, {}, "8.5", "client", kNow});
  };
  EXPECT_THAT(elsewhere(), FailsWith(Reason::kFeedStale));
  ImportAgain({TestDevice(kOtherDevice)});
  EXPECT_THAT(elsewhere(), FailsWith(Reason::kFeedStale)) << "one of two";
  ImportAgain({higher});
  const auto given = elsewhere();
  ASSERT_TRUE(given) << given.error().explanation;
  EXPECT_GT(given->counter.value(), kNetworkFloor + 200'000);
}

// R-128-21: of a number that was held and never released nothing is newest.
TEST_F(Replayed, AHeldNumberThatOperatorsDeletedMakesNothingStale) {
  settings_.counter_jump = 1'000'000;
  Reopen();
  Lose([&] {
    ASSERT_TRUE(store_->Record(Moved(CellState::Holder::kAcb, 20'000'000)));
    const auto held = store_->ListQuarantine(0, 10);
    ASSERT_EQ(held->size(), 1u);
    for (const char* who : {"ada", "bob"}) {
      ASSERT_TRUE(store_->AgreeOnQuarantined(held->front().id, QuarantineAct::kDelete, who, kNow));
    }
  });
  RecoverFromLog();
  const auto moved = store_->Record(Moved(CellState::Holder::kParty, 13'000));
  ASSERT_TRUE(moved);
  EXPECT_THAT(moved->observations, ::testing::Not(::testing::Contains("STALE_OBSERVATION")));
  EXPECT_EQ(FindDevice()->network_operator.holder, CellState::Holder::kParty);
}

}  // namespace
}  // namespace acb::store
