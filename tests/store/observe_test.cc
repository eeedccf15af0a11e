// Observations in the store: what is written with them, in one transaction, and that no order of
// observations, handovers and retries breaks a promise (R-128-14 to R-128-21, P1, P2).
#include <lmdb.h>

#include <algorithm>
#include <deque>
#include <iostream>
#include <random>
#include <set>
#include <thread>

#include "store/elsewhere.h"
#include "store/observed_rows.h"
#include "store/record.h"
#include "tests/store/raw_store.h"
#include "tests/store/store_fixture.h"

namespace acb::store {
namespace {

using Holder = CellState::Holder;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr Eui64 kOperator{0x90B3D51F30020000};

// The command's octets stand for the command: one for each counter of an originator.
Bytes CommandOf(Eui64 originator, std::uint64_t counter) {
  return ByteWriter().U64(originator.value()).U64(counter).bytes();
}

Observation Seen(Eui64 originator, std::uint64_t counter, std::vector<RoleFacts> roles,
                 Eui64 device = kDevice) {
  Observation seen(kNow);
  seen.stage = ObservedStage::kExecuted;
  seen.device = device;
  seen.acb = kAcb;
  seen.originator = originator;
  seen.counter = counter;
  seen.message_code = 0x0103;
  seen.roles = std::move(roles);
  seen.command = CommandOf(originator, counter);
  seen.response = Bytes(8, 0x52);
  return seen;
}

RoleFacts Facts(Holder placed, std::uint64_t floor, Eui64 existing) {
  RoleFacts facts;
  facts.role = kNetworkRole;
  facts.result = RoleFacts::Result::kSuccess;
  facts.placed = placed;
  if (placed == Holder::kParty) facts.party = kOperator;
  facts.floor = floor;
  facts.existing = {existing};
  return facts;
}
// A 6.15.1 that puts the ACB's certificates there.
Observation GivenBack(std::uint64_t counter, std::uint64_t floor = 0, Eui64 device = kDevice) {
  return Seen(kOperator, counter, {Facts(Holder::kAcb, std::max(counter, floor), kOperator)},
              device);
}
// A 6.21's response.
Observation HandedOver(std::uint64_t counter, Eui64 device = kDevice) {
  return Seen(kAcb, counter, {Facts(Holder::kParty, counter, kAcb)}, device);
}

class Observing : public StoreTest {
 protected:
  RecordedObservation Record(const Observation& seen) {
    auto recorded = store_->Record(seen);
    EXPECT_TRUE(recorded) << (recorded ? ""
                                       : recorded.error().explanation + recorded.error().detail);
    return recorded ? *std::move(recorded) : RecordedObservation();
  }
  CellState Cell(Eui64 device = kDevice) { return FindDevice(device)->network_operator; }
  std::vector<std::string> EntriesFrom(std::uint64_t index) {
    return store_->ReadAudit(index, 100).value();
  }
  // Reserves and signs a handover of the network operator's cell; its command's octets are those
  // of CommandOf.
  std::uint64_t HandOver(std::uint64_t request, Eui64 device = kDevice) {
    const auto counter = Reserve(Id(request, device), kNetworkRole);
    EXPECT_TRUE(counter) << (counter ? "" : counter.error().explanation);
    if (!counter) return 0;
    EXPECT_TRUE(Sign(*counter, CommandOf(kAcb, counter->counter().value())));
    return counter->counter().value();
  }
};

TEST_F(Observing, WritesCellFloorAndEntryTogetherAndTheyAreThereAfterARestart) {
  CreateFilled();
  const std::uint64_t size = AuditSize();
  const RecordedObservation recorded = Record(GivenBack(7000, 9000));
  EXPECT_EQ(recorded.receipt.index, size);
  EXPECT_THAT(EntriesFrom(size + 1).front(), HasSubstr(R"("kind":"alarm")"))
      << "the cell was the ACB's already";
  const std::string entry = EntriesFrom(size).front();
  for (const char* field : {R"("kind":"observed")", R"("floor":"9000")", R"("floor_before":"5000")",
                            R"("originator_counter":"7000")",
                            R"("observations":["HOLDER_MISMATCH"])", R"("environment":"test")"}) {
    EXPECT_THAT(entry, HasSubstr(field));
  }
  EXPECT_TRUE(store_->FindEvidence(Sha256(CommandOf(kOperator, 7000))).value());
  Reopen();
  EXPECT_EQ(Cell().holder, Holder::kAcb);
  EXPECT_EQ(Cell().floor, FloorSeqNumber::From(9000));
  EXPECT_GT(HandOver(1), 9000u) << "R-NOW-1";
}

// R-128-18: the other cell has a floor of its own.
TEST_F(Observing, OneCellsFloorIsNotTheOthers) {
  CreateFilled();
  Record(GivenBack(70'000));
  EXPECT_EQ(FindDevice()->supplier.floor, FloorSeqNumber::From(kSupplierFloor));
  EXPECT_EQ(Spend(Id(1), kSupplierRole), kSupplierFloor + 1);
}

// R-NOW-15.
TEST_F(Observing, AHandoversOwnResponseMovesTheCellAndNoMoreIsSigned) {
  CreateFilled();
  const std::uint64_t counter = HandOver(1);
  const RecordedObservation recorded = Record(HandedOver(counter));
  EXPECT_THAT(recorded.observations, IsEmpty()) << "given out here";
  EXPECT_EQ(Cell().holder, Holder::kParty);
  EXPECT_EQ(Cell().party, kOperator);
  EXPECT_THAT(Reserve(Id(2), kNetworkRole), FailsWith(Reason::kCellNotAcb));
}

// R-128-21.
// Found by an attack: a file written before a handover makes its cell the ACB's again. It may also
// tell of a 6.15.1 that nobody observed: whoever sends it is told, and signs at the device's word.
TEST_F(Observing, AFeedAgainstWhatADeviceSaidIsCountedAndNeedsAFloor) {
  CreateFilled();
  Record(HandedOver(HandOver(1)));
  Device old = TestDevice();
  const auto import_with = [&](std::optional<std::uint64_t> floor) {
    old.network_operator = OfAcb(floor);
    const auto imported = store_->ImportDevices(SourceOf({old}), FeedEntry());
    EXPECT_TRUE(imported);
    return imported ? imported->against_observed : 0;
  };
  ASSERT_EQ(Cell().holder, Holder::kParty);
  EXPECT_EQ(import_with({}), 1u);
  EXPECT_THAT(LastEntry(), HasSubstr(R"("against_observed":"1")"));
  EXPECT_EQ(Cell().holder, Holder::kUnknown);
  EXPECT_THAT(Reserve(Id(2), kNetworkRole), FailsWith(Reason::kCellUnknown));
  EXPECT_EQ(import_with(kNetworkFloor + 3'000), 0u);
  const std::uint64_t counter = HandOver(3);
  EXPECT_EQ(counter, kNetworkFloor + 3'001);
  Record(HandedOver(counter));
  EXPECT_EQ(import_with(kNetworkFloor + 3'000), 1u);
  EXPECT_EQ(Cell().holder, Holder::kAcb);
}

TEST_F(Observing, LateAndRepeatedMessagesChangeNothing) {
  CreateFilled();
  Record(HandedOver(HandOver(1)));
  Record(GivenBack(12'000));
  const CellState after = Cell();
  for (const std::uint64_t counter : {9'000u, 12'000u}) {
    const RecordedObservation stale = Record(GivenBack(counter));
    EXPECT_THAT(stale.observations, ElementsAre("STALE_OBSERVATION"));
    EXPECT_EQ(Cell().floor, after.floor);
    EXPECT_EQ(Cell().holder, after.holder);
  }
  const RecordedObservation again = Record(HandedOver(5001));
  EXPECT_THAT(again.observations, ElementsAre("STALE_OBSERVATION"));
  EXPECT_EQ(Cell().holder, Holder::kAcb) << "its own response, repeated";
}

// R-128-20: what was reserved below the new floor is never handed out.
TEST_F(Observing, AReservationUnderWayDoesNotSurviveAHigherFloor) {
  CreateFilled();
  const auto counter = Reserve(Id(1), kNetworkRole);
  ASSERT_TRUE(counter);
  Record(GivenBack(60'000));
  EXPECT_THAT(Sign(*counter), FailsWith(Reason::kChangedMeanwhile));
}

// design.md section 4.
TEST_F(Observing, ACounterOfTheAcbNotGivenOutHereRaisesTheCounterAndIsAnAlarmEachTime) {
  CreateFilled();
  Observation foreign = Seen(kAcb, 8000, {});
  for (int i = 0; i < 2; ++i) {
    const std::uint64_t size = AuditSize();
    const RecordedObservation recorded = Record(foreign);
    EXPECT_THAT(recorded.observations, ElementsAre(Describe(Reason::kCounterNotOurs).name));
    EXPECT_EQ(recorded.last_issued, 8000u);
    EXPECT_THAT(EntriesFrom(size).at(1), HasSubstr(R"("alarm":"COUNTER_NOT_OURS")"));
  }
  EXPECT_EQ(HandOver(1), 8001u);
  EXPECT_THAT(Record(HandedOver(8001)).observations, IsEmpty()) << "this one is ours";
}

TEST_F(Observing, AnAlteredCopyOfAnOwnCommandIsAnAlarmAndTheOwnCommandIsNot) {
  CreateFilled();
  const std::uint64_t counter = HandOver(1);
  Observation altered = HandedOver(counter);
  altered.command.push_back(0);
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(Record(altered).observations, Contains("COUNTER_NOT_OURS"));
  }
  EXPECT_THAT(Record(HandedOver(counter)).observations, Not(Contains("COUNTER_NOT_OURS")));
  EXPECT_THAT(Record(altered).observations, Contains("COUNTER_NOT_OURS"));
}

TEST_F(Observing, ACounterGivenOutForAnotherCommandIsNoAlarm) {
  CreateFilled();
  store_.reset();
  const Bytes key = KeyOfElsewhere(kDevice, 8000);
  RawStore(settings_.directory)
      .Put(Table::kElsewhere,
           {key, Seal(Table::kElsewhere, key, EncodeElsewhere({kNow, "8.5", {}}))});
  Reopen();
  EXPECT_THAT(Record(Seen(kAcb, 8000, {})).observations, IsEmpty());
  EXPECT_THAT(Record(Seen(kAcb, 8001, {})).observations, ElementsAre("COUNTER_NOT_OURS"));
}

// reliability.md section 1.
TEST_F(Observing, AFloorThatJumpsTooFarWaitsForTwoOperatorsAndTheCellWithIt) {
  settings_.counter_jump = 1'000'000;
  CreateFilled();
  Record(HandedOver(HandOver(1)));
  const std::uint64_t high = kNetworkFloor + 10'000'000;
  Record(GivenBack(6000, high));
  EXPECT_EQ(Cell().holder, Holder::kUnknown);
  EXPECT_EQ(Cell().floor, FloorSeqNumber::From(kNetworkFloor));
  EXPECT_THAT(Reserve(Id(2), kNetworkRole), FailsWith(Reason::kCellUnknown));
  Record(GivenBack(6000, high));
  const auto items = store_->ListQuarantine(0, 10).value();
  ASSERT_EQ(items.size(), 1u) << "it waits once";
  EXPECT_TRUE(items[0].for_acb);
  ASSERT_TRUE(store_->AgreeOnQuarantined(items[0].id, QuarantineAct::kRelease, "op-1", kNow));
  ASSERT_TRUE(store_->AgreeOnQuarantined(items[0].id, QuarantineAct::kRelease, "op-2", kNow));
  EXPECT_EQ(Cell().holder, Holder::kAcb);
  EXPECT_EQ(HandOver(3), high + 1);
}

// R-128-21.
TEST_F(Observing, OneMessageOfAnIncredibleCounterDoesNotMakeTheRealOnesStale) {
  CreateFilled();
  Record(HandedOver(HandOver(1)));
  EXPECT_THAT(Record(Seen(kOperator, kMaxSeqNumber, {Facts(Holder::kParty, 0, kOperator)})).cells,
              SizeIs(1));
  EXPECT_EQ(Cell().holder, Holder::kUnknown);
  const auto held = store_->ListQuarantine(0, 10).value();
  ASSERT_EQ(held.size(), 1u);
  EXPECT_THAT(Record(GivenBack(7000)).observations, IsEmpty()) << "not stale";
  EXPECT_EQ(Cell().holder, Holder::kAcb);
  EXPECT_EQ(Cell().floor, FloorSeqNumber::From(7000));
  EXPECT_THAT(Reserve(Id(2), kNetworkRole), FailsWith(Reason::kCounterUnknown));
  ASSERT_TRUE(store_->AgreeOnQuarantined(held[0].id, QuarantineAct::kDelete, "op-1", kNow));
  ASSERT_TRUE(store_->AgreeOnQuarantined(held[0].id, QuarantineAct::kDelete, "op-2", kNow));
  EXPECT_EQ(HandOver(2), 7001u);
}

// design.md section 4: no cell gets it, but the counter.
TEST_F(Observing, AHeldCounterOfTheAcbRaisesTheGreatestIssuedOnRelease) {
  settings_.counter_jump = 1'000'000;
  CreateFilled();
  for (RemotePartyRole role : {kNetworkRole, kSupplierRole}) {
    RoleFacts facts = Facts(Holder::kParty, 0, kAcb);
    facts.role = role;
    Record(Seen(kOperator, 6000, {facts}));
  }
  Record(Seen(kAcb, 50'000'000, {}));
  const auto items = store_->ListQuarantine(0, 10).value();
  ASSERT_EQ(items.size(), 1u);
  EXPECT_EQ(items[0].role, RemotePartyRole::kAccessControlBroker);
  ASSERT_TRUE(store_->AgreeOnQuarantined(items[0].id, QuarantineAct::kRelease, "op-1", kNow));
  ASSERT_TRUE(store_->AgreeOnQuarantined(items[0].id, QuarantineAct::kRelease, "op-2", kNow));
  Record(GivenBack(7000));
  EXPECT_EQ(HandOver(1), 50'000'001u);
}

// Hours, with a million held: the rows of the number are looked at, and no others.
TEST_F(Observing, ARepeatOfAHeldNumberDoesNotReadTheWholeQuarantine) {
  settings_.counter_jump = 1'000'000;
  CreateFilled();
  const std::uint64_t high = kNetworkFloor + 10'000'000;
  Record(GivenBack(6000, high, kOtherDevice));
  store_.reset();
  {
    RawStore raw(settings_.directory);
    RawRecord others = raw.List(Table::kQuarantine).front();
    others.second.back() ^= 1;
    raw.Put(Table::kQuarantine, others);
  }
  Reopen();
  Record(GivenBack(6000, high));
  Record(GivenBack(6000, high));
  EXPECT_THAT(store_->Record(GivenBack(6000, high, kOtherDevice)),
              FailsWith(Reason::kRecordDamaged))
      << "its own row it reads";
  store_.reset();
  EXPECT_THAT(RawStore(settings_.directory).List(Table::kHeld), SizeIs(2)) << "each waits once";
}

// R-128-17.
TEST_F(Observing, AnItemThatIsNotForTheAcbDoesNotSwallowOneThatIs) {
  settings_.counter_jump = 1'000'000;
  CreateFilled();
  Record(HandedOver(HandOver(1)));
  const std::uint64_t high = kNetworkFloor + 10'000'000;
  RoleFacts number = Facts(Holder::kParty, high, kOperator);
  number.result = RoleFacts::Result::kNone;
  Record(Seen(kOperator, 6000, {number}));
  Record(GivenBack(6001, high));
  const auto items = store_->ListQuarantine(0, 10).value();
  ASSERT_EQ(items.size(), 2u);
  EXPECT_FALSE(items[0].for_acb);
  EXPECT_TRUE(items[1].for_acb);
}

TEST_F(Observing, ARepeatKeepsNoNewServiceRequest) {
  CreateFilled();
  Observation seen = GivenBack(6000);
  seen.service_request = ToBytes(AsBytes(std::string_view("<a/>")));
  Record(seen);
  EXPECT_TRUE(store_->FindEvidence(Sha256(seen.service_request)).value());
  seen.service_request = ToBytes(AsBytes(std::string_view("<b/>")));
  Record(seen);
  EXPECT_FALSE(store_->FindEvidence(Sha256(seen.service_request)).value());
}

TEST_F(Observing, AReleasedFloorDoesNotMoveACellOfWhichSomethingNewerWasObserved) {
  settings_.counter_jump = 1'000'000;
  CreateFilled();
  Record(HandedOver(HandOver(1)));
  Record(GivenBack(6000, kNetworkFloor + 10'000'000));
  RoleFacts mixed = Facts(Holder::kParty, 6001, kOperator);
  mixed.result = RoleFacts::Result::kPartial;
  Record(Seen(kOperator, 6001, {mixed}));
  const auto items = store_->ListQuarantine(0, 10).value();
  ASSERT_EQ(items.size(), 1u);
  ASSERT_TRUE(store_->AgreeOnQuarantined(items[0].id, QuarantineAct::kRelease, "op-1", kNow));
  ASSERT_TRUE(store_->AgreeOnQuarantined(items[0].id, QuarantineAct::kRelease, "op-2", kNow));
  EXPECT_EQ(Cell().holder, Holder::kUnknown);
  EXPECT_EQ(Cell().floor, items[0].floor);
}

TEST_F(Observing, ACounterOfTheAcbThatJumpsTooFarStopsTheDeviceUntilOperatorsAgree) {
  settings_.counter_jump = 1'000'000;
  CreateFilled();
  const std::uint64_t high = 50'000'000;
  const RecordedObservation recorded = Record(Seen(kAcb, high, {}));
  EXPECT_LT(recorded.last_issued, high);
  EXPECT_THAT(Reserve(Id(1), kNetworkRole), FailsWith(Reason::kCellUnknown));
  EXPECT_THAT(Reserve(Id(2), kSupplierRole), FailsWith(Reason::kCellUnknown));
  const auto items = store_->ListQuarantine(0, 10).value();
  ASSERT_EQ(items.size(), 2u);
  for (const QuarantinedItem& item : items) {
    ASSERT_TRUE(store_->AgreeOnQuarantined(item.id, QuarantineAct::kRelease, "op-1", kNow));
    ASSERT_TRUE(store_->AgreeOnQuarantined(item.id, QuarantineAct::kRelease, "op-2", kNow));
  }
  EXPECT_EQ(HandOver(3), high + 1);
  EXPECT_EQ(Spend(Id(4), kSupplierRole), high + 2);
}

// P1: found by an attack. The number was one cell's floor, and the other cell signed with it again.
TEST_F(Observing, AHeldCounterOfTheAcbIsSpentForAllCellsOnRelease) {
  settings_.counter_jump = 1'000'000;
  CreateFilled();
  Record(HandedOver(HandOver(1)));
  const std::uint64_t high = 50'000'000;
  Record(Seen(kAcb, high, {}));
  const auto items = store_->ListQuarantine(0, 10).value();
  ASSERT_EQ(items.size(), 1u);
  EXPECT_EQ(items[0].role, kSupplierRole);
  EXPECT_TRUE(items[0].issued);
  Record(GivenBack(7000));
  EXPECT_THAT(Reserve(Id(2), kNetworkRole), FailsWith(Reason::kCounterUnknown)) << "nor meanwhile";
  ASSERT_TRUE(store_->AgreeOnQuarantined(items[0].id, QuarantineAct::kRelease, "op-1", kNow));
  ASSERT_TRUE(store_->AgreeOnQuarantined(items[0].id, QuarantineAct::kRelease, "op-2", kNow));
  EXPECT_EQ(FindDevice()->last_issued, high);
  EXPECT_EQ(HandOver(3), high + 1);
}

TEST_F(Observing, AFloorThatWaitsDoesNotSwallowTheSameNumberThatWasIssued) {
  settings_.counter_jump = 1'000'000;
  CreateFilled();
  const std::uint64_t high = 50'000'000;
  Record(GivenBack(7000, high));
  ASSERT_EQ(store_->ListQuarantine(0, 10)->size(), 1u);
  Record(Seen(kAcb, high, {}));
  const auto items = store_->ListQuarantine(0, 10).value();
  EXPECT_EQ(items.size(), 2u) << "the supplier's cell was the ACB's still";
  EXPECT_TRUE(items.back().issued);
  Record(Seen(kAcb, high, {}));
  EXPECT_EQ(store_->ListQuarantine(0, 10)->size(), 2u) << "each waits once";
}

// Found by an attack: after the cells' items came one of role ACB. There is none but where no cell
// was the ACB's.
TEST_F(Observing, ACounterOfTheAcbThatWaitsForItsCellsIsNotHeldOnceMore) {
  settings_.counter_jump = 1'000'000;
  CreateFilled();
  const std::uint64_t high = 50'000'000;
  for (int time = 0; time < 3; ++time) {
    Record(Seen(kAcb, high, {}));
    EXPECT_EQ(store_->ListQuarantine(0, 10)->size(), 2u) << "time " << time;
  }
  // One of the two is decided: the other still spends the number.
  const std::uint64_t number = store_->ListQuarantine(0, 1)->front().id;
  ASSERT_TRUE(store_->AgreeOnQuarantined(number, QuarantineAct::kDelete, "op-1", kNow));
  ASSERT_TRUE(store_->AgreeOnQuarantined(number, QuarantineAct::kDelete, "op-2", kNow));
  Record(Seen(kAcb, high, {}));
  EXPECT_EQ(store_->ListQuarantine(0, 10)->size(), 1u);
  EXPECT_THAT(Reserve(Id(1), kSupplierRole), FailsWith(Reason::kCellUnknown));
  Record(Seen(kAcb, high + 1, {}));
  const auto items = store_->ListQuarantine(0, 10).value();
  ASSERT_EQ(items.size(), 2u) << "another number";
  EXPECT_EQ(items.back().role, RemotePartyRole::kAccessControlBroker);
}

// A 6.15.1 that is held for its counter tells as well which pair is in the cell.
TEST_F(Observing, ACellOfAHeldCounterHasTheKeyThatTheMessagePutThere) {
  settings_.counter_jump = 1'000'000;
  CreateFilled();
  Record(HandedOver(HandOver(1)));
  Observation seen = GivenBack(50'000'000);
  seen.roles.front().acb_key = AcbKeyId{0x0102030405060708};
  Record(seen);
  const auto items = store_->ListQuarantine(0, 10).value();
  ASSERT_EQ(items.size(), 1u);
  ASSERT_TRUE(store_->AgreeOnQuarantined(items[0].id, QuarantineAct::kRelease, "op-1", kNow));
  ASSERT_TRUE(store_->AgreeOnQuarantined(items[0].id, QuarantineAct::kRelease, "op-2", kNow));
  EXPECT_EQ(Cell().holder, Holder::kAcb);
  EXPECT_EQ(Cell().acb_key, (AcbKeyId{0x0102030405060708}));
}

// gbcs-cs02b.md 3.2, 6.4.
TEST_F(Observing, APendingCommandIsFoundUntilItsOutcomeOrItsCancellation) {
  CreateFilled();
  Observation pending = GivenBack(6000);
  pending.stage = ObservedStage::kPending;
  pending.roles.clear();
  const CellState before = Cell();
  Record(pending);
  EXPECT_EQ(Cell().floor, before.floor);
  EXPECT_EQ(store_->FindPendingCommand(kDevice, kOperator, 6000).value(), pending.command);
  EXPECT_FALSE(store_->FindPendingCommand(kDevice, kOperator, 6001).value());
  EXPECT_FALSE(store_->FindPendingCommand(kOtherDevice, kOperator, 6000).value());
  Record(GivenBack(6000));
  EXPECT_FALSE(store_->FindPendingCommand(kDevice, kOperator, 6000).value());

  pending = GivenBack(6100);
  pending.stage = ObservedStage::kPending;
  pending.roles.clear();
  pending.executes_at = kNow.PlusSeconds(3600);
  Record(pending);
  Observation immediate = pending;
  immediate.executes_at.reset();
  immediate.stage = ObservedStage::kNoAnswer;
  immediate.counter = 6099;
  Record(immediate);
  Observation other = pending;
  other.executes_at.reset();
  other.stage = ObservedStage::kCancelled;
  other.counter = 6101;
  other.message_code = 0x0102;
  Record(other);
  EXPECT_TRUE(store_->FindPendingCommand(kDevice, kOperator, 6100).value()) << "of another kind";
  other.counter = 6102;
  other.message_code = pending.message_code;
  Record(other);
  EXPECT_FALSE(store_->FindPendingCommand(kDevice, kOperator, 6100).value());
  EXPECT_TRUE(store_->FindPendingCommand(kDevice, kOperator, 6099).value()) << "not future dated";
}

Observation Dated(Observation seen, UtcTime executed) {
  seen.executes_at = seen.executed_at = executed;
  return seen;
}

// What decides is when the device executed it.
TEST_F(Observing, AFutureDatedCommandExecutedAfterALaterImmediateOneIsTheNewest) {
  CreateFilled();
  Record(HandedOver(HandOver(1)));
  Record(Seen(kOperator, 12'001, {Facts(Holder::kParty, 12'001, kOperator)}));
  Observation dated = Dated(GivenBack(12'000), kNow.PlusSeconds(3600));
  const RecordedObservation last = Record(dated);
  EXPECT_EQ(last.cells.at(0).result, "success");
  EXPECT_EQ(Cell().holder, Holder::kAcb);
  EXPECT_EQ(Record(dated).cells.at(0).result, "stale") << "its repeat";
  EXPECT_EQ(Record(Seen(kOperator, 12'001, {Facts(Holder::kParty, 12'001, kOperator)}))
                .cells.at(0)
                .result,
            "stale")
      << "the other's repeat";
}

TEST_F(Observing, WhereNothingTellsWhichCameLastTheCellIsUnknownAndTheFloorRises) {
  CreateFilled();
  Record(HandedOver(HandOver(1)));
  Record(GivenBack(12'001));
  const RecordedObservation doubt =
      Record(Dated(GivenBack(12'000, 13'000), kNow.PlusSeconds(-3600)));
  EXPECT_EQ(doubt.cells.at(0).result, "unordered");
  EXPECT_EQ(Cell().holder, Holder::kUnknown);
  EXPECT_EQ(Cell().floor, FloorSeqNumber::From(13'000));
  Observation later = GivenBack(14'000);
  later.entry = audit::Entry("observed", kNow.PlusSeconds(kLongestDelaySeconds));
  Record(later);
  EXPECT_EQ(Cell().holder, Holder::kAcb) << "surely after it";
}

TEST_F(Observing, AFutureDatedCommandWithoutAlertLeavesItsCellUnknownOnceItIsOverdue) {
  CreateFilled();
  Observation pending = Seen(kOperator, 6000, {});
  pending.stage = ObservedStage::kPending;
  pending.executes_at = kNow;
  pending.replaces = {kNetworkRole};
  Record(pending);
  at_ = kNow.PlusSeconds(kLongestDelaySeconds);
  EXPECT_NE(Spend(Id(1), kNetworkRole), 0u) << "not yet";
  at_ = at_.PlusSeconds(1);
  EXPECT_THAT(Reserve(Id(2), kNetworkRole), FailsWith(Reason::kCellUnknown));
  EXPECT_NE(Spend(Id(3), kSupplierRole), 0u) << "the other cell";
  Observation touch = Seen(kAcb, 1, {});
  touch.entry = audit::Entry("observed", at_);
  const std::uint64_t size = AuditSize();
  Record(touch);
  EXPECT_THAT(EntriesFrom(size).front(), HasSubstr(R"("stage":"expired")"));
  EXPECT_EQ(Cell().holder, Holder::kUnknown);
  EXPECT_FALSE(store_->FindPendingCommand(kDevice, kOperator, 6000).value());
  Import({TestDevice()});
  EXPECT_NE(Spend(Id(4), kNetworkRole), 0u) << "a device import supplies it";
  store_.reset();
  EXPECT_THAT(RawStore(settings_.directory).List(Table::kPendingDue), IsEmpty());
}

// R-128-12, R-NOW-15: a time-out.
TEST_F(Observing, AnImmediateCommandThatNobodyAnsweredGoesAndTheCellStays) {
  CreateFilled();
  Observation pending = Seen(kOperator, 6000, {});
  pending.stage = ObservedStage::kNoAnswer;
  pending.replaces = {kNetworkRole};
  Record(pending);
  Observation touch = Seen(kAcb, 1, {});
  touch.entry = audit::Entry("observed", kNow.PlusSeconds(kLongestDelaySeconds + 1));
  Record(touch);
  EXPECT_FALSE(store_->FindPendingCommand(kDevice, kOperator, 6000).value());
  EXPECT_EQ(Cell().holder, Holder::kAcb);
}

TEST_F(Observing, AnUnknownDeviceIsRefusedAndNothingWritten) {
  CreateFilled();
  const std::uint64_t size = AuditSize();
  EXPECT_THAT(store_->Record(GivenBack(1, 0, Eui64(7))), FailsWith(Reason::kDeviceUnknown));
  EXPECT_EQ(AuditSize(), size);
}

TEST_F(Observing, ADevicesSigningKeyIsKept) {
  CreateFilled();
  DeviceCertificates certificates;
  DeviceKey key{kDevice, {}, {}};
  key.key.fill(0x33);
  key.key.front() = 0x04;
  certificates.signing_keys = {key};
  ASSERT_TRUE(store_->ImportDeviceCertificates(certificates, FeedEntry()));
  EXPECT_EQ(store_->FindDeviceSigningKey(kDevice).value(), key.key);
  EXPECT_FALSE(store_->FindDeviceSigningKey(kOtherDevice).value());
}

// R-128-20: recording and signing at one time. Whatever the log has after the observation is above
// its floor.
TEST_F(Observing, SigningAtTheSameTimeSeesTheNewFloorOrIsToldToRetry) {
  CreateFilled();
  constexpr int kRounds = 200;
  std::uint64_t theirs = 10'000;
  int refused = 0;
  for (int round = 0; round < kRounds; ++round) {
    theirs += 1000;
    std::optional<RecordedObservation> recorded;
    std::thread observer([&] { recorded = Record(GivenBack(theirs)); });
    auto counter = Reserve(Id(100 + static_cast<std::uint64_t>(round)), kNetworkRole);
    ASSERT_TRUE(counter) << counter.error().explanation;
    const auto receipt = Sign(*counter, CommandOf(kAcb, counter->counter().value()));
    observer.join();
    ASSERT_TRUE(recorded);
    if (!receipt) {
      EXPECT_EQ(receipt.error().reason, Reason::kChangedMeanwhile);
      EXPECT_TRUE(store_->Abandon(*std::move(counter), receipt.error(), kNow));
      ++refused;
    } else if (receipt->index > recorded->receipt.index) {
      EXPECT_GT(counter->counter().value(), theirs);
    }
  }
  EXPECT_GT(HandOver(9999), theirs);
  RecordProperty("told_to_retry", refused);
}

// --- 10,000 interleavings ------------------------------------------------------------------------

// A device that protects itself against replay (gbcs-cs02b.md 7.2).
struct SimulatedDevice {
  bool acb = true;  // whose certificates the network operator's cells hold
  std::uint64_t number = 0;

  bool Execute(bool by_acb, std::uint64_t counter, std::optional<std::uint64_t> floor) {
    if (by_acb != acb || counter <= number) return false;
    acb = !acb;
    number = floor.value_or(counter);
    return true;
  }
};

// One device with what the box is told of it, late, repeated or lost.
class Interleaving {
 public:
  Interleaving(Store& store, Eui64 device, std::mt19937_64& random, bool keep_order)
      : store_(store), device_(device), random_(random), keep_order_(keep_order) {}

  // What broke; empty when nothing did.
  std::string Step(std::uint64_t request) {
    switch (Pick(6)) {
      case 0:
      case 1:
        return HandOver(request, true);
      case 2:
        return GiveBack();
      case 3:
      case 4:
        return Deliver();
      default:
        return seen_.empty() ? "" : Post(seen_[Pick(seen_.size())]);
    }
  }
  // Everything is told in the end: what is signed then is accepted.
  std::string Finish(std::uint64_t request) {
    while (!waiting_.empty()) {
      if (std::string broken = Deliver(); !broken.empty()) return broken;
    }
    if (keep_order_ && IsAcbs() != simulated_.acb) return "the record is not what the device has";
    const std::string broken = HandOver(request, false);
    if (!broken.empty() || !keep_order_) return broken;
    return simulated_.acb ? "the device is still the ACB's" : "";
  }
  int signed_count() const { return static_cast<int>(counters_.size()); }

 private:
  std::uint64_t Pick(std::uint64_t below) { return random_() % below; }

  Device Row() const { return store_.Open().value()->FindDevice(device_).value().value(); }
  bool IsAcbs() const { return Row().network_operator.holder == Holder::kAcb; }

  std::string HandOver(std::uint64_t request, bool may_be_lost) {
    const RequestId id = Id(request, device_);
    const std::string body = BodyOf(id);
    const auto reserved = store_.Reserve({id, Sha256(AsBytes(body)), kNetworkRole, std::nullopt,
                                          store_.TrustGeneration().value(), kNow});
    if (!reserved) return IsAcbs() ? "refused: " + reserved.error().explanation : "";
    const std::uint64_t counter = reserved->counter().value();
    if (counter <= floor_) return "signed at " + std::to_string(counter) + ", not above the floor";
    if (!counters_.insert(counter).second || counter != *counters_.rbegin()) {
      return "counter " + std::to_string(counter) + " is not above all before";
    }
    const auto receipt = store_.AppendSigned(*reserved, audit::Entry("signed", kNow), kAcb,
                                             {CommandOf(kAcb, counter)}, AsBytes(body));
    if (!receipt) return "not recorded: " + receipt.error().explanation;
    if (may_be_lost && Pick(8) == 0) return "";  // on its way to the device
    const std::optional<std::uint64_t> floor =
        Pick(2) == 0 ? std::optional<std::uint64_t>(Pick(counter)) : std::nullopt;
    const bool executed = simulated_.Execute(true, counter, floor);
    if (executed) waiting_.push_back(HandedOver(counter, device_));
    const bool all_told = waiting_.size() == (executed ? 1u : 0u);
    if (!executed && all_told && keep_order_)
      return "refused by the device at " + std::to_string(counter);
    return "";
  }

  std::string GiveBack() {
    if (simulated_.acb) return "";
    theirs_ = std::max(theirs_, simulated_.number) + 1 + Pick(std::uint64_t{1} << Pick(32));
    const std::optional<std::uint64_t> floor =
        Pick(2) == 0 ? std::optional<std::uint64_t>(Pick(std::uint64_t{1} << 33)) : std::nullopt;
    if (!simulated_.Execute(false, theirs_, floor)) return "a good 6.15.1 was refused";
    waiting_.push_back(GivenBack(theirs_, floor.value_or(0), device_));
    return "";
  }

  std::string Deliver() {
    if (waiting_.empty()) return "";
    const auto at =
        waiting_.begin() + static_cast<std::ptrdiff_t>(keep_order_ ? 0 : Pick(waiting_.size()));
    seen_.push_back(*at);
    waiting_.erase(at);
    return Post(seen_.back());
  }

  std::string Post(const Observation& seen) {
    const auto recorded = store_.Record(seen);
    if (!recorded) return "not recorded: " + recorded.error().explanation;
    const auto floor = Row().network_operator.floor;
    if (!floor || floor->value() < floor_) return "a floor was lowered";
    floor_ = floor->value();
    const RoleFacts& facts = seen.roles.front();
    if (facts.placed == Holder::kAcb && floor_ < facts.floor) return "a floor is too low";
    return "";
  }

  Store& store_;
  const Eui64 device_;
  std::mt19937_64& random_;
  const bool keep_order_;
  SimulatedDevice simulated_;
  std::deque<Observation> waiting_;
  std::vector<Observation> seen_;
  std::set<std::uint64_t> counters_;
  std::uint64_t theirs_ = 0;
  std::uint64_t floor_ = 0;
};

// No flush: 10,000 runs are about order, not about power.
int CommitWithoutFlush(MDB_txn* transaction) {
  mdb_env_set_flags(mdb_txn_env(transaction), MDB_NOSYNC, 1);
  return mdb_txn_commit(transaction);
}

class Interleavings : public Observing, public ::testing::WithParamInterface<bool> {};

TEST_P(Interleavings, OfObservationsHandoversAndRetriesBreakNothing) {
  constexpr std::uint64_t kRuns = 5'000;  // of each order: 10,000
  constexpr std::uint64_t kSteps = 12;
  const std::uint64_t seed = std::random_device()();
  std::cout << "seed " << seed << "\n";
  std::mt19937_64 random(seed);
  settings_.volume = {0, 0, 0, 0};
  Create();
  Reopen();
  std::vector<Device> devices;
  for (std::uint64_t i = 0; i < kRuns; ++i) {
    Device device = TestDevice(Eui64(kDevice.value() + i));
    device.network_operator = OfAcb(0);
    devices.push_back(std::move(device));
  }
  Import(std::move(devices));
  Seams seams;
  seams.commit = CommitWithoutFlush;
  Reopen(std::move(seams));
  int handovers = 0;
  for (std::uint64_t run = 0; run < kRuns; ++run) {
    Interleaving one(*store_, Eui64(kDevice.value() + run), random, GetParam());
    std::string broken;
    for (std::uint64_t step = 0; step < kSteps && broken.empty(); ++step) broken = one.Step(step);
    if (broken.empty()) broken = one.Finish(kSteps);
    ASSERT_EQ(broken, "") << "run " << run << " of seed " << seed;
    handovers += one.signed_count();
  }
  EXPECT_GT(handovers, static_cast<int>(kRuns)) << "they did something";
}

INSTANTIATE_TEST_SUITE_P(Orders, Interleavings, ::testing::Bool(), [](const auto& order) {
  return order.param ? "LateAndRepeated" : "Reordered";
});

}  // namespace
}  // namespace acb::store
