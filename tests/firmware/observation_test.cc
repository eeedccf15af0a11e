// What observed messages prove: on every CS02b pair of the DCC's public test data, and on messages
// made up from their parts where no vector shows the case (alerts, recoveries, ACB certificates).
#include "firmware/observation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "firmware/exchange.h"
#include "tests/firmware/gbcs/vectors.h"
#include "tests/firmware/made_messages.h"
#include "tests/support/shared.h"

namespace acb {
namespace {

using namespace acb::testing;
using Holder = CellState::Holder;
using Outcome = RoleFacts::Result;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto kSupplierRole = RemotePartyRole::kSupplier;
constexpr Eui64 kSupplier{0x90B3D51F30010000};
constexpr Eui64 kRecovery{0x90B3D51F30000001};
constexpr Eui64 kEsme{0x00DB1234567890A0};
constexpr std::uint64_t kJump = std::uint64_t{1} << 48;

std::string NameOf(Reason reason) { return std::string(Describe(reason).name); }

std::optional<FloorSeqNumber> Floor(std::uint64_t value) { return FloorSeqNumber::From(value); }

// --- Reading -------------------------------------------------------------------------------------

AcbIdentity Acb() {
  return {kAcb, {{ReadPublicKey("90b3d51f30000002-ds"), ReadPublicKey("90b3d51f30000002-ka"), {}}}};
}

struct Pair {
  Bytes command;
  Bytes response;
};
Pair ReadPair(std::string_view stem) {
  return {ReadVector(std::string(stem) + "_COMMAND"), ReadVector(std::string(stem) + "_RESPONSE")};
}

struct Expected {
  std::string_view stem;
  Eui64 device;
  std::uint64_t counter;
  // What its one role has; nothing: no role of the two.
  std::optional<RemotePartyRole> role;
  Outcome result;
  Eui64 placed;
  Eui64 existing;
};
constexpr Eui64 kOtherSupplier{0x90B3D51F30030000};
constexpr Expected kVectors[] = {
    {"CS02bNOByNOHandover_6.21_SUCCESS", kGpf, 1301, kNetworkRole, Outcome::kSuccess,
     kNetworkOperator, kAcb},
    {"CS02bSupplierBySupplierHandover_6.21_SUCCESS", kGpf, 1300, kSupplierRole, Outcome::kSuccess,
     kSupplier, kAcb},
    {"CS02bNOByNO_6.15.1_SUCCESS", kEsme, 1200, kNetworkRole, Outcome::kSuccess, kNetworkOperator,
     kNetworkOperator},
    {"CS02bSupplierBySupplier_6.15.1_IMMEDIATE_SUCCESS", kEsme, 1000, kSupplierRole,
     Outcome::kSuccess, kSupplier, kSupplier},
    {"CS02bSupplierBySupplier_6.15.1_IMMEDIATE_ERROR", kEsme, 1002, kSupplierRole,
     Outcome::kPartial, kSupplier, kSupplier},
    {"CS02bSupplierByTransCoS_6.23_IMMEDIATE_SUCCESS", kEsme, 6001, kSupplierRole,
     Outcome::kSuccess, kOtherSupplier, kSupplier},
    {"CS02bACBByACB_8.5_SUCCESS", kEsme, 1300, std::nullopt, Outcome::kNone, Eui64(0), Eui64(0)},
};

TEST(ObservedVectors, EachPairIsReadForWhatItIs) {
  ACB_NEED_SHARED();
  for (const Expected& expected : kVectors) {
    SCOPED_TRACE(expected.stem);
    const Pair pair = ReadPair(expected.stem);
    const auto exchange = ReadExchange(pair.command, pair.response);
    ASSERT_TRUE(exchange) << exchange.error().explanation;
    EXPECT_EQ(exchange->stage(), ObservedStage::kExecuted);
    EXPECT_EQ(exchange->command.header().target, expected.device);
    const auto facts = FactsOf(*exchange, Acb());
    ASSERT_EQ(facts.size(), expected.role ? 1u : 0u);
    if (!expected.role) continue;
    EXPECT_EQ(facts[0].role, *expected.role);
    EXPECT_EQ(facts[0].result, expected.result);
    EXPECT_EQ(facts[0].placed, Holder::kParty);
    EXPECT_EQ(facts[0].party, expected.placed);
    EXPECT_THAT(facts[0].existing, ElementsAre(expected.existing));
    EXPECT_EQ(facts[0].floor, exchange->command.header().counter) << "all floors in them are 0";
    EXPECT_FALSE(SendsAcbCertificate(*exchange, *expected.role, Acb()));
  }
}

TEST(ObservedVectors, ACommandAloneHasNoAnswer) {
  ACB_NEED_SHARED();
  const Pair pair = ReadPair(kVectors[2].stem);
  const auto exchange = ReadExchange(pair.command, {});
  ASSERT_TRUE(exchange);
  EXPECT_EQ(exchange->stage(), ObservedStage::kNoAnswer);
  EXPECT_THAT(FactsOf(*exchange, Acb()), IsEmpty());
  const auto asked = ReadAnsweredCommand(pair.response);
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->device, kEsme);
  EXPECT_EQ(asked->originator, kNetworkOperator);
  EXPECT_EQ(asked->counter, 1200u);
}

TEST(ObservedVectors, AnswersOfOtherCommandsAreAMismatch) {
  ACB_NEED_SHARED();
  for (const Expected& one : kVectors) {
    for (const Expected& other : kVectors) {
      if (one.stem == other.stem) continue;
      SCOPED_TRACE(std::string(one.stem) + " with the answer of " + std::string(other.stem));
      const auto exchange = ReadExchange(ReadPair(one.stem).command, ReadPair(other.stem).response);
      ASSERT_FALSE(exchange);
      EXPECT_EQ(exchange.error().reason, Reason::kObservationMismatch);
    }
  }
}

TEST(ObservedVectors, EachFieldThatTiesTheAnswerToItsCommandCounts) {
  ACB_NEED_SHARED();
  const Pair pair = ReadPair(kVectors[0].stem);
  // gbcs-cs02b.md 6.2: the last octet of counter, device, originator.
  const std::pair<std::size_t, const char*> kPlaces[] = {
      {10, "originator counter"}, {19, "device"}, {28, "originator"}};
  for (const auto& [place, name] : kPlaces) {
    SCOPED_TRACE(name);
    Bytes changed = pair.response;
    changed[place] ^= 1;
    const auto exchange = ReadExchange(pair.command, changed);
    ASSERT_FALSE(exchange);
    EXPECT_EQ(exchange.error().reason, Reason::kObservationMismatch);
    EXPECT_THAT(exchange.error().explanation, HasSubstr(name));
  }
}

TEST(ObservedVectors, APreCommandIsNotWhatADeviceWasSent) {
  ACB_NEED_SHARED();
  const Bytes octets = ReadVector("CS02bNOByNO_6.15.1_SUCCESS_PRECOMMAND");
  const auto exchange = ReadExchange(octets, {});
  ASSERT_FALSE(exchange);
  EXPECT_EQ(exchange.error().reason, Reason::kMalformed);
}

// --- Made up -------------------------------------------------------------------------------------

RoleFacts FactsOfMade(const Made& made) {
  const Bytes command = MadeCommand(made), response = MadeResponse(made);
  const auto exchange = ReadExchange(command, response);
  EXPECT_TRUE(exchange) << (exchange ? "" : exchange.error().explanation);
  const auto facts = FactsOf(*exchange, Acb());
  EXPECT_EQ(facts.size(), 1u);
  return facts.empty() ? RoleFacts() : facts[0];
}

// R-128-11.
TEST(ObservedReplacement, AcbCertificatesInPlaceOfANetworkOperatorsAreSeen) {
  ACB_NEED_SHARED();
  Made made;
  const Bytes command = MadeCommand(made);
  EXPECT_TRUE(SendsAcbCertificate(*ReadExchange(command, {}), kNetworkRole, Acb()));
  const RoleFacts facts = FactsOfMade(made);
  EXPECT_EQ(facts.result, Outcome::kSuccess);
  EXPECT_EQ(facts.placed, Holder::kAcb);
  EXPECT_THAT(facts.existing, ElementsAre(kNetworkOperator));
}

// R-NOW-1: each of the three may be the greatest.
TEST(ObservedReplacement, TheFloorIsTheGreatestOfCounterCommandedAndReportedFloor) {
  ACB_NEED_SHARED();
  Made made;
  EXPECT_EQ(FactsOfMade(made).floor, 1200u);
  made.floor = 9000;
  EXPECT_EQ(FactsOfMade(made).floor, 9000u);
  made.reported = 9001;
  EXPECT_EQ(FactsOfMade(made).floor, 9001u);
  made.counter = 9002;
  EXPECT_EQ(FactsOfMade(made).floor, 9002u);
}

// R-NOW-4.
TEST(ObservedReplacement, ARecoveryCarriesTheFloorOfEachOtherRole) {
  ACB_NEED_SHARED();
  Made made;
  made.mode = 8;
  made.counter = 3;
  made.originator = kRecovery;
  made.authorising = RemotePartyRole::kRecovery;
  made.floor = 800'000;  // the recovery party's own
  made.other_floor = 7000;
  const RoleFacts facts = FactsOfMade(made);
  EXPECT_EQ(facts.role, kNetworkRole);
  EXPECT_EQ(facts.placed, Holder::kAcb);
  EXPECT_EQ(facts.floor, 7000u);
}

// R-128-15, gbcs-cs02b.md 6.3.
TEST(ObservedReplacement, IsASuccessOnlyWhenEveryCellHoldsWhatWasSent) {
  ACB_NEED_SHARED();
  Made made;
  made.agreement_status = 5;
  EXPECT_EQ(FactsOfMade(made).result, Outcome::kPartial);
  made.signing_status = 5;
  EXPECT_EQ(FactsOfMade(made).result, Outcome::kFailed);
  made = {};
  made.leave_out_agreement = true;
  EXPECT_EQ(FactsOfMade(made).result, Outcome::kPartial) << "no word of one cell is no success";
  made.signing_status = 5;
  EXPECT_EQ(FactsOfMade(made).result, Outcome::kPartial) << "nor a failure of all";
  // The device says success and names another certificate.
  made = {};
  const Bytes command = MadeCommand(made);
  Made told = made;
  told.signing = "90b3d51f30020000-ds";
  const Bytes response = MadeResponse(told);
  EXPECT_EQ(FactsOf(*ReadExchange(command, response), Acb()).at(0).result, Outcome::kPartial);
}

TEST(ObservedReplacement, CertificatesOfTwoPartiesNameNoHolder) {
  ACB_NEED_SHARED();
  Made made;
  made.agreement = "90b3d51f30020000-ka";
  const RoleFacts facts = FactsOfMade(made);
  EXPECT_EQ(facts.result, Outcome::kSuccess);
  EXPECT_EQ(facts.placed, Holder::kUnknown);
  EXPECT_THAT(facts.doubt, HasSubstr("not of one party"));
}

// What this box cannot sign for is not its own.
TEST(ObservedReplacement, AcbCertificatesOfOtherKeysNameNoHolder) {
  ACB_NEED_SHARED();
  const Bytes command = MadeCommand({}), response = MadeResponse({});
  AcbIdentity other = Acb();
  other.pairs = {{ReadPublicKey("90b3d51f30020000-ds"), ReadPublicKey("90b3d51f30020000-ka"), {}}};
  const auto exchange = ReadExchange(command, response);
  EXPECT_TRUE(SendsAcbCertificate(*exchange, kNetworkRole, other));
  const auto facts = FactsOf(*exchange, other).at(0);
  EXPECT_EQ(facts.placed, Holder::kUnknown);
  EXPECT_THAT(facts.doubt, HasSubstr("a key that this box does not have"));
}

TEST(ObservedStages, AFutureDatedCommandWaitsForItsAlert) {
  ACB_NEED_SHARED();
  Made made;
  made.execution = "20261121120000Z";
  const Bytes command = MadeCommand(made), response = MadeResponse(made, false);
  const auto pending = ReadExchange(command, response);
  ASSERT_TRUE(pending) << pending.error().explanation;
  EXPECT_EQ(pending->stage(), ObservedStage::kPending);
  EXPECT_THAT(FactsOf(*pending, Acb()), IsEmpty());

  const Bytes alert = MadeAlert(made, 0x8F66);
  const auto asked = ReadAnsweredCommand(alert);
  ASSERT_TRUE(asked) << asked.error().explanation;
  EXPECT_EQ(asked->counter, made.counter) << "the command's, not the alert's own 2000";
  const auto done = ReadExchange(command, alert);
  ASSERT_TRUE(done) << done.error().explanation;
  EXPECT_EQ(done->alert_code, 0x8F66u);
  EXPECT_EQ(FactsOf(*done, Acb()).at(0).result, Outcome::kSuccess);

  Made other = made;
  other.counter = 1201;
  const Bytes others = MadeAlert(other, 0x8F66);
  const auto mismatch = ReadExchange(command, others);
  ASSERT_FALSE(mismatch);
  EXPECT_EQ(mismatch.error().reason, Reason::kObservationMismatch);
}

// gbcs-cs02b.md 6.4.
TEST(ObservedStages, AnAlertSaysWhetherAllSucceeded) {
  ACB_NEED_SHARED();
  Made made;
  made.execution = "20261121120000Z";
  const Bytes command = MadeCommand(made);
  const Bytes failed = MadeAlert(made, 0x8F67);
  const auto read = ReadExchange(command, failed);
  ASSERT_TRUE(read) << read.error().explanation;
  EXPECT_EQ(FactsOf(*read, Acb()).at(0).result, Outcome::kPartial) << "it says two things";
  const Bytes other = MadeAlert(made, 0x8F68);
  const auto refused = ReadExchange(command, other);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, Reason::kMalformed);
}

// What signs for the role is its digital signing cell.
TEST(ObservedReplacement, OfTheKeyAgreementCellAloneDoesNotMakeTheRoleTheAcbs) {
  ACB_NEED_SHARED();
  const Bytes command = MadeCommand({}), response = MadeResponse({});
  auto exchange = ReadExchange(command, response);
  ASSERT_TRUE(exchange);
  EXPECT_EQ(FactsOf(*exchange, Acb()).at(0).placed, Holder::kAcb);
  std::erase_if(exchange->payload->replacements,
                [](const auto& one) { return one.cell.key_usage == KeyUsage::kDigitalSignature; });
  const RoleFacts facts = FactsOf(*exchange, Acb()).at(0);
  EXPECT_EQ(facts.result, Outcome::kSuccess);
  EXPECT_EQ(facts.placed, Holder::kUnknown);
  EXPECT_THAT(facts.doubt, HasSubstr("digital signing"));
}

TEST(ObservedStages, TheFarExecutionTimeTakesBack) {
  ACB_NEED_SHARED();
  Made made;
  made.execution = "99991231235959Z";
  const Bytes command = MadeCommand(made), response = MadeResponse(made, false);
  EXPECT_EQ(ReadExchange(command, response)->stage(), ObservedStage::kCancelled);
}

// It may come without a signature.
TEST(ObservedReplacement, InModeFourOfAnotherCellThanTheAcbsIsMalformed) {
  ACB_NEED_SHARED();
  Made made;
  made.mode = 4;
  made.originator = kAcb;
  made.authorising = RemotePartyRole::kAccessControlBroker;
  const Bytes command = MadeCommand(made);
  const auto refused = ReadExchange(command, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, Reason::kMalformed);
  EXPECT_THAT(refused.error().explanation, HasSubstr("mode 4"));
  const Pair good = ReadPair("CS02bACBByACB_8.5_SUCCESS");
  EXPECT_TRUE(ReadExchange(good.command, good.response));
}

// --- Judging -------------------------------------------------------------------------------------

CellState Cell(Holder holder, std::optional<std::uint64_t> floor, Eui64 party = Eui64(0)) {
  return {holder, party, floor ? Floor(*floor) : std::nullopt};
}

RoleFacts Placed(Holder holder, std::uint64_t floor, Eui64 existing) {
  RoleFacts facts;
  facts.role = kNetworkRole;
  facts.result = Outcome::kSuccess;
  facts.placed = holder;
  if (holder == Holder::kParty) facts.party = kNetworkOperator;
  facts.floor = floor;
  facts.existing = {existing};
  return facts;
}

Observation From(Eui64 originator, std::uint64_t counter) {
  Observation seen(UtcTime(0));
  seen.stage = ObservedStage::kExecuted;
  seen.device = kGpf;
  seen.acb = kAcb;
  seen.originator = originator;
  seen.counter = counter;
  return seen;
}

CellRecord Known(CellState cell, std::optional<std::uint64_t> newest = {}) {
  CellRecord known;
  known.cell = cell;
  known.newest = newest;
  known.last_issued = 1300;
  known.jump = kJump;
  return known;
}

const CellState kTheirs = Cell(Holder::kParty, 0, kNetworkOperator);

// R-128-14.
TEST(Judgement, AcbCertificatesMakeTheCellTheAcbsWithTheirFloor) {
  const CellChange change = Judge(Placed(Holder::kAcb, 9000, kNetworkOperator),
                                  From(kNetworkOperator, 1200), Known(kTheirs));
  EXPECT_EQ(change.result, "success");
  EXPECT_EQ(change.after.holder, Holder::kAcb);
  EXPECT_EQ(change.after.party, Eui64(0));
  EXPECT_EQ(change.after.floor, Floor(9000));
  EXPECT_TRUE(change.newest);
  EXPECT_THAT(change.observations, IsEmpty());
  EXPECT_THAT(change.alarms, IsEmpty());
}

// R-128-21: 1200, then 900, then 1200.
TEST(Judgement, NothingThatComesLateLowersAFloorOrMovesAHolder) {
  const CellState acbs = Cell(Holder::kAcb, 1200);
  for (const std::uint64_t counter : {900u, 1200u}) {
    SCOPED_TRACE(counter);
    const CellChange stale = Judge(Placed(Holder::kAcb, counter, kNetworkOperator),
                                   From(kNetworkOperator, counter), Known(acbs, 1200));
    EXPECT_EQ(stale.result, "stale");
    EXPECT_THAT(stale.observations, ElementsAre(NameOf(Reason::kStaleObservation)));
    EXPECT_EQ(stale.after.floor, Floor(1200));
    EXPECT_FALSE(stale.newest);
  }
  const CellChange raised = Judge(Placed(Holder::kAcb, 8000, kNetworkOperator),
                                  From(kNetworkOperator, 900), Known(kTheirs, 1200));
  EXPECT_EQ(raised.after.floor, Floor(8000)) << "it may still raise";
  EXPECT_EQ(raised.after.holder, Holder::kParty) << "but not move";
}

TEST(Judgement, AFloorIsNeverLowered) {
  const CellChange change =
      Judge(Placed(Holder::kAcb, 1200, kNetworkOperator), From(kNetworkOperator, 1200),
            Known(Cell(Holder::kParty, 5000, kNetworkOperator)));
  EXPECT_EQ(change.after.holder, Holder::kAcb);
  EXPECT_EQ(change.after.floor, Floor(5000));
}

// R-128-12, R-128-15.
TEST(Judgement, WhatFailedChangesNothingAndAMixMakesTheCellUnknown) {
  RoleFacts facts = Placed(Holder::kAcb, 9000, kNetworkOperator);
  facts.reported = 9000;
  facts.result = Outcome::kFailed;
  const CellChange failed = Judge(facts, From(kNetworkOperator, 1200), Known(kTheirs));
  EXPECT_EQ(failed.result, "failed");
  EXPECT_EQ(failed.after.holder, Holder::kParty);
  EXPECT_EQ(failed.after.floor, Floor(0));
  EXPECT_THAT(failed.observations, ElementsAre(NameOf(Reason::kNotSuccessful)));
  EXPECT_FALSE(failed.newest) << "an older success may still come";

  facts.result = Outcome::kPartial;
  const CellChange mixed = Judge(facts, From(kNetworkOperator, 1200), Known(kTheirs));
  EXPECT_EQ(mixed.result, "partial");
  EXPECT_EQ(mixed.after.holder, Holder::kUnknown);
  EXPECT_EQ(mixed.after.floor, Floor(0)) << "no floor is recorded";
  EXPECT_THAT(mixed.alarms, Contains(HasSubstr("NOT_SUCCESSFUL")));
}

// A device sets the number of the role even where a cell failed (gbcs-cs02b.md 6.3).
TEST(Judgement, AHandoverThatFailedRaisesTheFloorToWhatTheDeviceSet) {
  RoleFacts facts = Placed(Holder::kParty, 9000, kAcb);
  facts.result = Outcome::kFailed;
  facts.reported = 9000;
  const CellChange change = Judge(facts, From(kAcb, 1301), Known(Cell(Holder::kAcb, 1200)));
  EXPECT_EQ(change.after.holder, Holder::kAcb);
  EXPECT_EQ(change.after.floor, Floor(9000));
}

// R-NOW-15.
TEST(Judgement, OurHandoverMovesTheCellOnSuccess) {
  const CellChange change =
      Judge(Placed(Holder::kParty, 1301, kAcb), From(kAcb, 1301), Known(Cell(Holder::kAcb, 1200)));
  EXPECT_EQ(change.after.holder, Holder::kParty);
  EXPECT_EQ(change.after.party, kNetworkOperator);
  EXPECT_THAT(change.observations, IsEmpty());
}

// R-NOW-15: an incident.
TEST(Judgement, AnotherExistingHolderIsAnAlarmAndTheDevicesWordCounts) {
  const CellChange change = Judge(Placed(Holder::kAcb, 1200, kNetworkOperator),
                                  From(kNetworkOperator, 1200), Known(Cell(Holder::kAcb, 100)));
  EXPECT_THAT(change.observations, ElementsAre(NameOf(Reason::kHolderMismatch)));
  EXPECT_THAT(change.alarms, ElementsAre(NameOf(Reason::kHolderMismatch)));
  EXPECT_EQ(change.after.floor, Floor(1200));
  EXPECT_EQ(change.unexplained, kNetworkOperator);
  const CellChange ours = Judge(Placed(Holder::kParty, 1301, kSupplier), From(kAcb, 1301),
                                Known(Cell(Holder::kUnknown, 100)));
  EXPECT_THAT(ours.alarms, ElementsAre(NameOf(Reason::kHolderMismatch)))
      << "what we sign for is ours";
  const CellChange unknown = Judge(Placed(Holder::kAcb, 1200, kNetworkOperator),
                                   From(kNetworkOperator, 1200), Known(Cell(Holder::kUnknown, {})));
  EXPECT_THAT(unknown.observations, IsEmpty()) << "nobody was recorded";
}

// The 6.21's response comes after the 6.15.1 that gave the cell back.
TEST(Judgement, TheLateResponseThatExplainsAMismatchIsStale) {
  CellRecord known = Known(Cell(Holder::kAcb, 2000));
  known.given_out_here = true;
  known.unexplained = kNetworkOperator;
  const RoleFacts facts = Placed(Holder::kParty, 1301, kAcb);
  const CellChange late = Judge(facts, From(kAcb, 1301), known);
  EXPECT_EQ(late.result, "stale");
  EXPECT_EQ(late.after.holder, Holder::kAcb);
  EXPECT_EQ(Judge(facts, From(kAcb, 2001), known).after.holder, Holder::kParty)
      << "signed above the floor: it is newer";
  known.unexplained.reset();
  EXPECT_EQ(Judge(facts, From(kAcb, 1301), known).after.holder, Holder::kParty)
      << "nothing was missing";
}

// reliability.md section 1.
TEST(Judgement, AFloorThatJumpsTooFarIsHeldAndTheCellNotSignedFor) {
  const std::uint64_t at_limit = 1300 + kJump;
  const CellChange good = Judge(Placed(Holder::kAcb, at_limit, kNetworkOperator),
                                From(kNetworkOperator, 1200), Known(kTheirs));
  EXPECT_EQ(good.after.floor, Floor(at_limit));
  const CellChange held = Judge(Placed(Holder::kAcb, at_limit + 1, kNetworkOperator),
                                From(kNetworkOperator, 1200), Known(Cell(Holder::kAcb, 1000)));
  EXPECT_EQ(held.result, "quarantined");
  EXPECT_EQ(held.held, Floor(at_limit + 1));
  EXPECT_TRUE(held.held_for_acb);
  EXPECT_EQ(held.after.holder, Holder::kUnknown);
  EXPECT_EQ(held.after.floor, Floor(1000));
}

// R-128-21: else one message of 2^63-1 would make all that follow stale.
TEST(Judgement, ACounterThatJumpsTooFarIsHeldWhoeverIsPlacedAndIsNotTheNewest) {
  const CellState acbs = Cell(Holder::kAcb, 1000);
  for (const Holder placed : {Holder::kParty, Holder::kUnknown, Holder::kAcb}) {
    for (const Outcome result : {Outcome::kSuccess, Outcome::kPartial}) {
      SCOPED_TRACE(static_cast<int>(placed));
      RoleFacts facts = Placed(placed, kMaxSeqNumber, kAcb);
      facts.result = result;
      const CellChange held = Judge(facts, From(kNetworkOperator, kMaxSeqNumber), Known(acbs));
      EXPECT_EQ(held.result, "quarantined");
      EXPECT_EQ(held.held, Floor(kMaxSeqNumber));
      EXPECT_EQ(held.held_for_acb, placed == Holder::kAcb && result == Outcome::kSuccess);
      EXPECT_EQ(held.after.holder, Holder::kUnknown);
      EXPECT_EQ(held.after.floor, Floor(1000));
      EXPECT_FALSE(held.newest);
    }
  }
  const std::uint64_t at_limit = 1300 + kJump;
  const CellChange good =
      Judge(Placed(Holder::kParty, at_limit, kAcb), From(kNetworkOperator, at_limit), Known(acbs));
  EXPECT_EQ(good.after.holder, Holder::kParty);
  EXPECT_TRUE(good.newest);
}

TEST(Judgement, DoubtAboutThePartyMakesTheCellUnknownWithAnAlarm) {
  RoleFacts facts = Placed(Holder::kUnknown, 1200, kNetworkOperator);
  facts.doubt = "why";
  const CellChange change = Judge(facts, From(kNetworkOperator, 1200), Known(kTheirs));
  EXPECT_EQ(change.after.holder, Holder::kUnknown);
  EXPECT_THAT(change.alarms, ElementsAre("CELL_UNKNOWN: why"));
}

// [6] may change the number of a role whose certificates stay.
TEST(Judgement, ANumberThatChangesAloneRaisesTheFloorOfACellOfTheAcb) {
  RoleFacts facts;
  facts.role = kNetworkRole;
  facts.floor = 4000;
  EXPECT_EQ(Judge(facts, From(kRecovery, 9), Known(Cell(Holder::kAcb, 10))).after.floor,
            Floor(4000));
  for (const CellState& other : {kTheirs, Cell(Holder::kUnknown, {})}) {
    const CellChange change = Judge(facts, From(kRecovery, 9), Known(other));
    EXPECT_EQ(change.after.floor, Floor(4000)) << "whoever holds it";
    EXPECT_EQ(change.after.holder, other.holder);
  }
}

// R-128-17.
TEST(Judgement, AStaleFloorThatJumpsTooFarLeavesNoCellThatIsSignedFor) {
  const RoleFacts facts = Placed(Holder::kAcb, kMaxSeqNumber, kNetworkOperator);
  const CellChange held =
      Judge(facts, From(kNetworkOperator, 900), Known(Cell(Holder::kAcb, 1200), 1200));
  EXPECT_EQ(held.held, Floor(kMaxSeqNumber));
  EXPECT_TRUE(held.held_for_acb);
  EXPECT_EQ(held.after.holder, Holder::kUnknown);
  const CellChange theirs = Judge(facts, From(kNetworkOperator, 900), Known(kTheirs, 1200));
  EXPECT_EQ(theirs.held, Floor(kMaxSeqNumber));
  EXPECT_EQ(theirs.after.holder, Holder::kParty) << "it does not move";
}

TEST(Judgement, AFailedCommandOfAnyoneRaisesTheFloorThatTheDeviceReports) {
  RoleFacts facts = Placed(Holder::kParty, 9000, kAcb);
  facts.result = Outcome::kFailed;
  facts.reported = 9000;
  EXPECT_EQ(Judge(facts, From(kRecovery, 1301), Known(Cell(Holder::kAcb, 1200))).after.floor,
            Floor(9000));
}

}  // namespace
}  // namespace acb
