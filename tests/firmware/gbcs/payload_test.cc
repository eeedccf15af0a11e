#include "firmware/gbcs/payload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "firmware/gbcs/der_writer.h"
#include "tests/firmware/gbcs/vectors.h"

namespace acb::gbcs {
namespace {

using acb::testing::Hex;
using ::testing::HasSubstr;

Bytes Sequence(std::initializer_list<BytesView> parts) { return DerElement(0x30, parts); }

constexpr std::string_view kNetworkOperatorControl = "020103 a20702010303020780 83020515 840100";
constexpr std::string_view kReplacement = "300e 3003020101 300702010303020780";
constexpr std::string_view kPathCertificate = "3003020103";

// A Command of one control block (without its tag and length), one list of replacements and a tail.
Bytes Command(std::string_view control, std::string_view replacements = kReplacement,
              std::string_view path = kPathCertificate, std::string_view tail = "") {
  return Sequence(
      {Sequence({Hex(control)}), Sequence({Hex(replacements)}), Sequence({Hex(path)}), Hex(tail)});
}
void ExpectRefused(const Bytes& der, std::string_view element) {
  const auto payload = CommandPayload::Parse(der);
  ASSERT_FALSE(payload) << ToHex(der);
  EXPECT_EQ(payload.error().reason, Reason::kMalformed);
  EXPECT_THAT(payload.error().explanation, HasSubstr(std::string(element)));
}

// gbcs-cs02b.md section 3.3: the control block of each variant, among them those of which no file
// is here.
struct Variant {
  std::string_view name;
  std::string_view control;
  int mode;
  std::uint64_t seq_number;
  bool floor;
  bool time_checks;
  std::size_t other_changes;
};
constexpr Variant kVariants[] = {
    {"NO621C", "020103 a20702010303020780 83020515 840100", 3, 1301, true, true, 0},
    {"SU621C", "020102 a20702010203020780 83020514 840100 a5083006020100020100", 2, 1300, true,
     true, 0},
    {"NO615C", "020103 a20702010303020780 830204b0 840100", 3, 1200, true, true, 0},
    {"SU615", "020102 810101 a20702010203020780 830203e8 840100 a5083006020100020100", 2, 1000,
     true, false, 0},
    {"TC623", "020107 a20702010503020780 83021771 a612301002010202010030083006020100020100", 7,
     6001, false, true, 1},
    {"ACB85", "020104 83020514 840100", 4, 1300, true, true, 0},
    {"WPByWP", "020105 a20702010603020780 83021f40 840100", 5, 8000, true, true, 0},
    {"TransCoSByTransCoS", "020106 810101 a20702010503020780 83021770", 6, 6000, false, false, 0},
    {"Recovery, shortened", "020108 810101 a20702010103020780 83021b58 840100 a6083006020103020100",
     8, 7000, true, false, 1},
    {"Contingency", "020109 8010000102030405060708090a0b0c0d0e0f a20702010003020204 830101 840100",
     9, 1, true, true, 0},
};

TEST(CommandPayload, ReadsTheControlBlockOfEveryVariant) {
  for (const Variant& variant : kVariants) {
    SCOPED_TRACE(variant.name);
    const Bytes der = Command(variant.control);
    const auto payload = CommandPayload::Parse(der);
    ASSERT_TRUE(payload) << payload.error().explanation;
    EXPECT_EQ(static_cast<int>(payload->mode), variant.mode);
    EXPECT_EQ(payload->seq_number, variant.seq_number);
    EXPECT_EQ(payload->floor.has_value(), variant.floor);
    EXPECT_EQ(payload->apply_time_based_cpv_checks, variant.time_checks);
    EXPECT_EQ(payload->other_changes.size(), variant.other_changes);
    EXPECT_EQ(payload->authorising_cell.has_value(), variant.mode != 4);
    EXPECT_EQ(payload->plaintext_symmetric_key.has_value(), variant.mode == 9);
    EXPECT_EQ(payload->replacements.size(), 1u);
    EXPECT_EQ(ToHex(payload->replacements[0].certificate), "3003020101");
    EXPECT_EQ(ToHex(payload->certification_path.at(0)), kPathCertificate);
  }
}

TEST(CommandPayload, ReadsAllTenModesAndNoOther) {
  for (int mode = 0; mode <= 9; ++mode) {
    const std::string control = "02010" + std::to_string(mode) + "830101";
    const Bytes der = Command(control);
    const auto payload = CommandPayload::Parse(der);
    ASSERT_TRUE(payload);
    EXPECT_EQ(static_cast<int>(payload->mode), mode);
  }
  ExpectRefused(Command("02010a 830101"), "credentialsReplacementMode");
}

TEST(CommandPayload, ReadsEveryRoleAndKeyUsage) {
  for (const std::string_view role : {"00", "01", "02", "03", "04", "05", "06", "07", "08", "7f"}) {
    for (const std::string_view usage : {"03020780", "03020308", "03020204"}) {
      const std::string cell = "3007 0201" + std::string(role) + std::string(usage);
      EXPECT_TRUE(
          CommandPayload::Parse(Command(kNetworkOperatorControl, "300e 3003020101" + cell)));
    }
  }
  for (const std::string_view cell :
       {"3007 020109 03020780", "3007 02017e 03020780", "3008 02020080 03020780"}) {
    const std::string replacement =
        (cell.starts_with("3007") ? "300e 3003020101" : "300f 3003020101") + std::string(cell);
    ExpectRefused(Command(kNetworkOperatorControl, replacement), "trustAnchorCellRemotePartyRole");
  }
  for (const std::string_view usage :
       {"03020102", "03020788", "03020080", "03020000", "03020380", "04020780"}) {
    const std::string replacement = "300e 3003020101 3007 020103" + std::string(usage);
    ExpectRefused(Command(kNetworkOperatorControl, replacement), "trustAnchorCellKeyUsage");
  }
}

TEST(CommandPayload, ReadsAFutureDateAndACancellation) {
  const Bytes future = Command(kNetworkOperatorControl, kReplacement, kPathCertificate,
                               "180f 32303136303231303131323233345a");
  const auto dated = CommandPayload::Parse(future);
  ASSERT_TRUE(dated) << dated.error().explanation;
  EXPECT_EQ(dated->execution_date_time, UtcTime::FromIso("2016-02-10T11:22:34Z"));
  EXPECT_FALSE(dated->IsCancellation());
  const Bytes cancel = Command(kNetworkOperatorControl, kReplacement, kPathCertificate,
                               "180f 39393939313233313233353935395a");
  const auto cancelled = CommandPayload::Parse(cancel);
  ASSERT_TRUE(cancelled);
  EXPECT_TRUE(cancelled->IsCancellation());
  EXPECT_FALSE(CommandPayload::Parse(Command(kNetworkOperatorControl))->IsCancellation());
}

TEST(CommandPayload, RefusesTimesThatAreNone) {
  for (const std::string_view time : {"180f 32303136303233303131323233345a",  // 30 February
                                      "180f 323031363032313032343232333459",  // not Z, and 24 hours
                                      "180f 32303136303231303234303030305a",  // 24 hours
                                      "180d 3230313630323130313132325a",      // no seconds
                                      "1811 32303136303231303131323233342e355a",  // a fraction
                                      "1813 323031363032313031313232 3334 2b30313030",  // a zone
                                      "170d 3136303231303131323233345a"}) {             // UTCTime
    ExpectRefused(Command(kNetworkOperatorControl, kReplacement, kPathCertificate, time),
                  "executionDateTime");
  }
}

TEST(CommandPayload, RefusesEncodedDefaults) {
  ExpectRefused(Command("020103 810100 a20702010303020780 83020515 840100"),
                "applyTimeBasedCPVChecks");
  ExpectRefused(Command("020103 810102 a20702010303020780 83020515 840100"),
                "applyTimeBasedCPVChecks");
  ExpectRefused(Command(kNetworkOperatorControl, "3011 3003020101 300a 020103 03020308 020100"),
                "trustAnchorCellUsage");
  ExpectRefused(Command(kNetworkOperatorControl, "3011 3003020101 300a 020103 03020308 020102"),
                "trustAnchorCellUsage");
  EXPECT_TRUE(CommandPayload::Parse(
      Command(kNetworkOperatorControl, "3011 3003020101 300a 020103 03020308 020101")));
}

TEST(CommandPayload, RefusesNumbersAbove2To63Minus1) {
  EXPECT_TRUE(CommandPayload::Parse(Command("020103 83087fffffffffffffff 84087fffffffffffffff")));
  ExpectRefused(Command("020103 8309008000000000000000 840100"), "authorisingRemotePartySeqNumber");
  ExpectRefused(Command("020103 830101 8409008000000000000000"), "newRemotePartyFloorSeqNumber");
}

TEST(CommandPayload, RefusesElementsMissingTwiceOutOfOrderOrUnknown) {
  ExpectRefused(Command(""), "credentialsReplacementMode");
  ExpectRefused(Command("020103 840100"), "authorisingRemotePartySeqNumber");
  ExpectRefused(Command("020103 830101 830101"), "authorisingRemotePartyControl");
  ExpectRefused(Command("020103 840100 830101"), "authorisingRemotePartySeqNumber");
  ExpectRefused(Command("020103 830101 870100"), "authorisingRemotePartyControl");
  // Constructed where primitive belongs, universal where [n] belongs (section 12, trap 5).
  ExpectRefused(Command("020103 a303020101"), "authorisingRemotePartySeqNumber");
  ExpectRefused(Command("020103 020101"), "authorisingRemotePartySeqNumber");
  ExpectRefused(Command("020102 830101 3008 3006020100020100"), "authorisingRemotePartyControl");
}

TEST(CommandPayload, RefusesASpecialistFloorThatIsNotOneForTopUps) {
  EXPECT_TRUE(CommandPayload::Parse(Command("020102 830101 a508 3006020100020105")));
  ExpectRefused(Command("020102 830101 a500"), "newRemotePartySpecialistFloorSeqNumber");
  ExpectRefused(Command("020102 830101 a508 3006020101020105"), "seqNumberUsage");
  ExpectRefused(Command("020102 830101 a510 3006020100020105 3006020100020106"),
                "newRemotePartySpecialistFloorSeqNumber");
  ExpectRefused(Command("020102 830101 a50b 3009020100020105020100"),
                "newRemotePartySpecialistFloorSeqNumber");
}

TEST(CommandPayload, RefusesASymmetricKeyThatIsNoKey) {
  const auto with_key = [](std::size_t octets) {
    return Command("020109" + ToHex(DerElement(0x80, {Bytes(octets)})) + "830101");
  };
  EXPECT_TRUE(CommandPayload::Parse(with_key(64)));
  ExpectRefused(with_key(65), "plaintextSymmetricKey");
}

TEST(CommandPayload, RefusesTrailingOctetsAtEveryLevel) {
  Bytes trailing = Command(kNetworkOperatorControl);
  trailing.push_back(0);
  ExpectRefused(trailing, "CommandPayload");
  ExpectRefused(Command(kNetworkOperatorControl, kReplacement, kPathCertificate,
                        "180f 32303136303231303131323233345a 0500"),
                "CommandPayload");
  ExpectRefused(Command(kNetworkOperatorControl, kReplacement, kPathCertificate, "0500"),
                "executionDateTime");
  ExpectRefused(Command(kNetworkOperatorControl, "3010 3003020101 300702010303020780 0500"),
                "replacements");
  ExpectRefused(
      Command(kNetworkOperatorControl, "3014 3003020101 300d 020103 03020780 020101 020101"),
      "targetTrustAnchorCell");
}

TEST(CommandPayload, RefusesLengthsThatAreNotMinimal) {
  // As a device writes them, in a Command: 30 82 00 xx around the same octets.
  const Bytes good = Command(kNetworkOperatorControl);
  ASSERT_TRUE(CommandPayload::Parse(good));
  Bytes padded = Hex("308200");
  padded.insert(padded.end(), good.begin() + 1, good.end());
  ExpectRefused(padded, "CommandPayload");
}

TEST(CommandPayload, RefusesMoreElementsThanItsLimits) {
  const auto repeat = [](std::string_view text, std::size_t count) {
    std::string all;
    for (std::size_t i = 0; i < count; ++i) all.append(text);
    return all;
  };
  EXPECT_TRUE(
      CommandPayload::Parse(Command(kNetworkOperatorControl, repeat(kReplacement, kMaxCells))));
  ExpectRefused(Command(kNetworkOperatorControl, repeat(kReplacement, kMaxCells + 1)),
                "replacements");
  EXPECT_TRUE(CommandPayload::Parse(Command(kNetworkOperatorControl, kReplacement,
                                            repeat(kPathCertificate, kMaxPathCertificates))));
  ExpectRefused(Command(kNetworkOperatorControl, kReplacement,
                        repeat(kPathCertificate, kMaxPathCertificates + 1)),
                "certificationPathCertificates");
  const auto changes = [&](std::size_t count) {
    const Bytes list = DerElement(0xA6, {Hex(repeat("3006020103020100", count))});
    return Command("020108 830101" + ToHex(list));
  };
  EXPECT_TRUE(CommandPayload::Parse(changes(kMaxSeqNumberChanges)));
  ExpectRefused(changes(kMaxSeqNumberChanges + 1), "otherRemotePartySeqNumberChanges");
}

// An ExecutionOutcome of one cell (section 6.2).
Bytes Outcome(std::string_view status = "0a0100") {
  const Bytes cell = Hex("300702010303020780");
  const Bytes ids = Hex(
      "0408 90b3d51f30000002 0408 42693535d3dde101 0408 90b3d51f30020000 0408 48cf97fa9f827fb5");
  return Sequence({Hex("02020515 020103 3008 3006020103020100"),
                   Sequence({Sequence({cell, Hex(status), ids})})});
}

TEST(ResponsePayload, ReadsAnAcceptedFutureDatedCommand) {
  const auto payload = ResponsePayload::Parse(Hex("30020500"));
  ASSERT_TRUE(payload);
  EXPECT_FALSE(payload->outcome);
}

TEST(ResponsePayload, ReadsAnOutcomeWithEveryStatusAndNoOther) {
  for (int status = 0; status <= 127; ++status) {
    const Bytes code = {0x0A, 0x01, static_cast<std::uint8_t>(status)};
    const auto payload = ResponsePayload::Parse(Sequence({Hex("0500"), Outcome(ToHex(code))}));
    const bool known = status == 0 || status == 5 || status == 10 || status == 17 || status == 25 ||
                       status == 30 || status == 127;
    EXPECT_EQ(payload.has_value(), known) << status;
    if (!payload) continue;
    EXPECT_EQ(static_cast<int>(payload->outcome->replacement_outcomes.at(0).status), status);
  }
}

TEST(ResponsePayload, TakesLengthsInAnyDefiniteForm) {
  EXPECT_TRUE(ResponsePayload::Parse(Hex("3082000205 00")));
  EXPECT_TRUE(ResponsePayload::Parse(Hex("30 84 00000003 05 8100")));
  EXPECT_FALSE(ResponsePayload::Parse(Hex("3080 0500 0000")));
}

TEST(ResponsePayload, ReadsAnEmptyListOfChanges) {
  const Bytes outcome = Sequence({Hex("02020515 020106 3000"), Hex("3000")});
  const auto payload = ResponsePayload::Parse(Sequence({Hex("0500"), outcome}));
  ASSERT_TRUE(payload);
  EXPECT_TRUE(payload->outcome->seq_number_changes.empty());
  EXPECT_TRUE(payload->outcome->replacement_outcomes.empty());
}

TEST(ResponsePayload, RefusesWhatIsMissingUnknownOrTrailing) {
  EXPECT_FALSE(ResponsePayload::Parse({}));
  EXPECT_FALSE(ResponsePayload::Parse(Hex("3000")));
  EXPECT_FALSE(ResponsePayload::Parse(Hex("3003050100")));
  EXPECT_FALSE(ResponsePayload::Parse(Hex("3002050000")));
  EXPECT_FALSE(ResponsePayload::Parse(Sequence({Hex("0500"), Outcome(), Hex("0500")})));
  EXPECT_FALSE(ResponsePayload::Parse(Sequence({Outcome()})));
  // The seq number is universal here (section 12, trap 6).
  EXPECT_FALSE(ResponsePayload::Parse(
      Sequence({Hex("0500"), Sequence({Hex("83020515 020106 3000 3000")})})));
  EXPECT_TRUE(ResponsePayload::Parse(
      Sequence({Hex("0500"), Sequence({Hex("02020515 020106 3000 3000")})})));
}

// The same outcome with something added behind one of its parts.
TEST(ResponsePayload, RefusesTrailingOctetsAtEveryLevelOfTheOutcome) {
  const Bytes cell = Hex("300702010303020780 0a0100");
  const Bytes ids = Hex(
      "0408 90b3d51f30000002 0408 42693535d3dde101 0408 90b3d51f30020000 0408 48cf97fa9f827fb5");
  const auto parse = [&](std::string_view in_entry, std::string_view in_list,
                         std::string_view in_outcome) {
    const Bytes list = Sequence({Sequence({cell, ids, Hex(in_entry)}), Hex(in_list)});
    const Bytes outcome = Sequence({Hex("02020515 020103 3000"), list, Hex(in_outcome)});
    return ResponsePayload::Parse(Sequence({Hex("0500"), outcome}));
  };
  EXPECT_TRUE(parse("", "", ""));
  EXPECT_FALSE(parse("0500", "", ""));
  EXPECT_FALSE(parse("", "0500", ""));
  EXPECT_FALSE(parse("", "", "0500"));
}

TEST(ResponsePayload, RefusesMoreOutcomesThanItsLimit) {
  const auto parse = [](std::size_t count) {
    Bytes list;
    const Bytes one = Sequence({Hex("300702010303020780 0a0100"), Hex("0408 90b3d51f30000002"),
                                Hex("0408 42693535d3dde101"), Hex("0408 90b3d51f30020000"),
                                Hex("0408 48cf97fa9f827fb5")});
    for (std::size_t i = 0; i < count; ++i) list.insert(list.end(), one.begin(), one.end());
    const Bytes outcome = Sequence({Hex("02020515 020103 3000"), Sequence({list})});
    return ResponsePayload::Parse(Sequence({Hex("0500"), outcome}));
  };
  EXPECT_TRUE(parse(kMaxCells));
  EXPECT_FALSE(parse(kMaxCells + 1));
}

TEST(ResponsePayload, RefusesIdentifiersThatAreNot8Octets) {
  const auto with = [](std::string_view identifier) {
    const Bytes outcome =
        Sequence({Hex("300702010303020780 0a0100"), Hex(identifier),
                  Hex("0408 42693535d3dde101 0408 90b3d51f30020000 0408 48cf97fa9f827fb5")});
    return ResponsePayload::Parse(
        Sequence({Hex("0500"), Sequence({Hex("02020515 020103 3000"), Sequence({outcome})})}));
  };
  EXPECT_TRUE(with("0408 90b3d51f30000002"));
  EXPECT_FALSE(with("0407 90b3d51f300000"));
  EXPECT_FALSE(with("0409 90b3d51f3000000200"));
  EXPECT_FALSE(with("0400"));
}

constexpr std::string_view kAlertTime = "180f 32303136303231303131323233345a";

TEST(AlertPayload, ReadsCodeTimeAndOutcome) {
  const Bytes octets = Sequence({Hex("0203008f66"), Hex(kAlertTime), Outcome()});
  const auto payload = AlertPayload::Parse(octets);
  ASSERT_TRUE(payload) << payload.error().explanation;
  EXPECT_EQ(payload->alert_code, 0x8f66u);
  EXPECT_EQ(payload->execution_date_time, UtcTime::FromIso("2016-02-10T11:22:34Z"));
  EXPECT_EQ(payload->outcome.seq_number, 1301u);
}

TEST(AlertPayload, RefusesWhatIsMissingOrOutOfRange) {
  EXPECT_TRUE(AlertPayload::Parse(Sequence({Hex("020500ffffffff"), Hex(kAlertTime), Outcome()})));
  EXPECT_FALSE(AlertPayload::Parse(Sequence({Hex("02050100000000"), Hex(kAlertTime), Outcome()})));
  EXPECT_FALSE(AlertPayload::Parse(Sequence({Hex("0203008f66"), Outcome()})));
  EXPECT_FALSE(AlertPayload::Parse(Sequence({Hex("0203008f66"), Hex(kAlertTime)})));
  EXPECT_FALSE(
      AlertPayload::Parse(Sequence({Hex("0203008f66"), Hex(kAlertTime), Outcome(), Hex("0500")})));
}

TEST(AlertPayload, RefusesOctetsBehindIt) {
  Bytes octets = Sequence({Hex("0203008f66"), Hex(kAlertTime), Outcome()});
  ASSERT_TRUE(AlertPayload::Parse(octets));
  octets.push_back(0);
  EXPECT_FALSE(AlertPayload::Parse(octets));
}

TEST(Agreement, HoldsWhenCodeIs0100PlusModeAndTheCountersAreOne) {
  const Bytes der = Command(kNetworkOperatorControl);
  const auto command = CommandPayload::Parse(der);
  ASSERT_TRUE(command);
  GroupingHeader header;
  header.counter = 1301;
  header.message_code = 0x0103;
  EXPECT_TRUE(CheckAgreement(header, *command));
  header.message_code = 0x0102;
  EXPECT_FALSE(CheckAgreement(header, *command));
  header.message_code = 0x0103;
  header.counter = 1302;
  EXPECT_FALSE(CheckAgreement(header, *command));
  header.counter = 1301;
  header.cra = CraFlag::kResponse;
  EXPECT_FALSE(CheckAgreement(header, *command));
}

TEST(Agreement, OfAResponseIsThatOfItsCommand) {
  const auto with = ResponsePayload::Parse(Sequence({Hex("0500"), Outcome()}));
  const auto without = ResponsePayload::Parse(Hex("30020500"));
  ASSERT_TRUE(with && without);
  GroupingHeader header;
  header.cra = CraFlag::kResponse;
  header.counter = 1301;
  header.message_code = 0x0103;
  EXPECT_TRUE(CheckAgreement(header, *with));
  EXPECT_TRUE(CheckAgreement(header, *without));
  header.message_code = 0x0109;
  EXPECT_FALSE(CheckAgreement(header, *with));
  EXPECT_TRUE(CheckAgreement(header, *without));
  for (const std::uint16_t code : std::initializer_list<std::uint16_t>{0x010a, 0x00ff, 0x00cb}) {
    header.message_code = code;
    EXPECT_FALSE(CheckAgreement(header, *without));
  }
}

TEST(Agreement, OfAnAlertIsItsMessageCodeOnly) {
  const auto alert = AlertPayload::Parse(Sequence({Hex("0203008f66"), Hex(kAlertTime), Outcome()}));
  ASSERT_TRUE(alert);
  GroupingHeader header;
  header.cra = CraFlag::kAlert;
  header.counter = 2000;
  header.message_code = 0x00CB;
  EXPECT_TRUE(CheckAgreement(header, *alert));
  header.message_code = 0x0102;
  EXPECT_FALSE(CheckAgreement(header, *alert));
}

}  // namespace
}  // namespace acb::gbcs
