#include "firmware/gbcs/correlation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/fakes/reserved_counter.h"
#include "tests/firmware/gbcs/vectors.h"

namespace acb::gbcs {
namespace {

using namespace acb::testing;
using ::testing::HasSubstr;

constexpr std::uint64_t kCounter = 1500;

// R-SEC3-6, R-NOW-5: what is built from one content is compared with another.
class Correlation : public ::testing::Test {
 protected:
  static Bytes Build(const HandoverContent& content, const ReservedCounter& reserved) {
    const auto command = BuildUpdateSecurityCredentials(content, reserved);
    EXPECT_TRUE(command);
    return command ? ToBytes(command->octets()) : Bytes{};
  }
  void ExpectDiffers(BytesView built, std::string_view field) {
    const Status status = CheckCorrelation(built, wanted_, reserved_);
    ASSERT_FALSE(status) << field;
    EXPECT_EQ(status.error().reason, Reason::kCorrelation);
    EXPECT_THAT(status.error().explanation, HasSubstr(std::string(field)));
  }
  void ExpectDiffers(const HandoverContent& built, std::string_view field) {
    ExpectDiffers(Build(built, reserved_), field);
  }
  // Replaces the one place where `from` stands; both have the same length.
  static Bytes Patch(Bytes octets, std::string_view from, std::string_view to) {
    const Bytes old = Hex(from), now = Hex(to);
    EXPECT_EQ(old.size(), now.size());
    const auto at = std::search(octets.begin(), octets.end(), old.begin(), old.end());
    EXPECT_NE(at, octets.end()) << from;
    if (at == octets.end()) return octets;
    EXPECT_EQ(std::search(at + 1, octets.end(), old.begin(), old.end()), octets.end()) << from;
    std::copy(now.begin(), now.end(), at);
    return octets;
  }

  const HandoverContent wanted_ = SmallContent(RemotePartyRole::kSupplier);
  const ReservedCounter reserved_ = ReserveFor(RemotePartyRole::kSupplier, kCounter);
  const Bytes built_ = Build(wanted_, reserved_);
};

TEST_F(Correlation, AcceptsWhatWasBuiltFromTheSameContent) {
  EXPECT_TRUE(CheckCorrelation(built_, wanted_, reserved_));
  const auto command = BuildUpdateSecurityCredentials(wanted_, reserved_);
  EXPECT_TRUE(CheckCorrelation(*command, wanted_, reserved_));
}

TEST_F(Correlation, AcceptsANetworkOperatorsCommand) {
  const HandoverContent content = SmallContent(RemotePartyRole::kNetworkOperator);
  const ReservedCounter reserved = ReserveFor(RemotePartyRole::kNetworkOperator, kCounter);
  EXPECT_TRUE(CheckCorrelation(Build(content, reserved), content, reserved));
}

TEST_F(Correlation, AcceptsASupplierWithoutTopUpAndWithoutFloors) {
  HandoverContent content = wanted_;
  content.key_agreement_top_up_certificate.reset();
  content.prepayment_top_up_floor.reset();
  content.floor.reset();
  content.apply_time_based_cpv_checks = false;
  EXPECT_TRUE(CheckCorrelation(Build(content, reserved_), content, reserved_));
}

TEST_F(Correlation, RefusesAnotherOriginator) {
  HandoverContent other = wanted_;
  other.acb = Eui64(kAcb.value() + 1);
  ExpectDiffers(other, "Business Originator ID");
}

TEST_F(Correlation, RefusesAnotherCounterInHeaderOrPayloadAlone) {
  ExpectDiffers(Patch(built_, "df090100000000000005dc", "df090100000000000005dd"),
                "Originator Counter");
  ExpectDiffers(Patch(built_, "830205dc", "830205dd"), "authorisingRemotePartySeqNumber");
}

TEST_F(Correlation, RefusesAnotherDevice) {
  const ReservedCounter other =
      Reserve(RequestId{Eui64(1), Eui64(kGpf.value() + 1), 1}, RemotePartyRole::kSupplier,
              OriginatorCounter::From(kCounter).value());
  ExpectDiffers(Build(wanted_, other), "Business Target ID");
}

TEST_F(Correlation, RefusesAnotherRole) {
  HandoverContent content = SmallContent(RemotePartyRole::kNetworkOperator);
  const Bytes built = Build(content, ReserveFor(RemotePartyRole::kNetworkOperator, kCounter));
  EXPECT_FALSE(CheckCorrelation(built, content, reserved_));
}

TEST_F(Correlation, RefusesARoleThat621DoesNotHandOver) {
  const ReservedCounter acb = ReserveFor(RemotePartyRole::kAccessControlBroker, kCounter);
  const Status status = CheckCorrelation(built_, wanted_, acb);
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().explanation, HasSubstr("RemotePartyRole"));
}

// Control block: 30 len, mode, [2] cell, [3] counter.
TEST_F(Correlation, RefusesAMessageCodeOrModeThatDoesNotFitTheRole) {
  ExpectDiffers(Patch(built_, "00 020102", "00 020103"), "Message Code");
  ExpectDiffers(Patch(built_, "020102 a207", "020103 a207"), "credentialsReplacementMode");
}

TEST_F(Correlation, RefusesAnotherAuthorisingCell) {
  constexpr std::string_view kField = "authorisingRemotePartyTACellIdentifier";
  ExpectDiffers(Patch(built_, "a207020102", "a207020104"), kField);  // {ACB, DS}
  ExpectDiffers(Patch(built_, "a20702010203020780", "a20702010203020308"), kField);
}

TEST_F(Correlation, RefusesAnotherCellOrOrder) {
  ExpectDiffers(Patch(built_, "3003020101 300702010203020780", "3003020101 300702010303020780"),
                "replacements[0].targetTrustAnchorCell");
  ExpectDiffers(Patch(built_, "3003020102 300702010203020308", "3003020102 300702010203020780"),
                "replacements[1].targetTrustAnchorCell");
  ExpectDiffers(Patch(built_, "300a020102", "300a020103"), "replacements[2].targetTrustAnchorCell");
  HandoverContent swapped = wanted_;
  std::swap(swapped.digital_signing_certificate, swapped.key_agreement_certificate);
  ExpectDiffers(swapped, "replacements[0].replacementCertificate");
}

TEST_F(Correlation, RefusesAMissingOrAddedCell) {
  HandoverContent without = wanted_;
  without.key_agreement_top_up_certificate.reset();
  ExpectDiffers(without, "number of replacements");
  const Bytes with = built_;
  const Status status = CheckCorrelation(with, without, reserved_);
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().explanation, HasSubstr("number of replacements"));
}

TEST_F(Correlation, RefusesOneChangedOctetOfACertificate) {
  HandoverContent other = wanted_;
  other.digital_signing_certificate.back() ^= 1;
  ExpectDiffers(other, "replacements[0].replacementCertificate");
  other = wanted_;
  other.key_agreement_certificate.back() ^= 1;
  ExpectDiffers(other, "replacements[1].replacementCertificate");
  other = wanted_;
  other.key_agreement_top_up_certificate->back() ^= 1;
  ExpectDiffers(other, "replacements[2].replacementCertificate");
  other = wanted_;
  other.certification_path[1].back() ^= 1;
  ExpectDiffers(other, "certificationPathCertificates[1]");
}

TEST_F(Correlation, RefusesAnotherPath) {
  HandoverContent other = wanted_;
  std::swap(other.certification_path[0], other.certification_path[1]);
  ExpectDiffers(other, "certificationPathCertificates[0]");
  other.certification_path.pop_back();
  ExpectDiffers(other, "number of certificationPathCertificates");
}

TEST_F(Correlation, RefusesAnotherFloor) {
  HandoverContent other = wanted_;
  other.floor = FloorSeqNumber::From(6);
  ExpectDiffers(other, "newRemotePartyFloorSeqNumber");
  other.floor.reset();
  ExpectDiffers(other, "newRemotePartyFloorSeqNumber");
  other = wanted_;
  other.prepayment_top_up_floor = FloorSeqNumber::From(9);
  ExpectDiffers(other, "newRemotePartySpecialistFloorSeqNumber");
  other.prepayment_top_up_floor.reset();
  ExpectDiffers(other, "newRemotePartySpecialistFloorSeqNumber");
}

TEST_F(Correlation, RefusesOtherTimeChecks) {
  HandoverContent other = wanted_;
  other.apply_time_based_cpv_checks = false;
  ExpectDiffers(other, "applyTimeBasedCPVChecks");
}

// Elements that this appliance never writes, put in with every length around them set right.
class CorrelationOfAdditions : public Correlation {
 protected:
  // `control_extra` at the end of the control block or, when `key`, after the mode; `tail` at the
  // end of the payload.
  Bytes With(std::string_view key, std::string_view changes, std::string_view tail) {
    const Bytes front = Hex("020102"),
                middle = Hex("a20702010203020780830205dc840107a5083006020100020108");
    const Bytes control =
        ByteWriter().Raw(front).Raw(Hex(key)).Raw(middle).Raw(Hex(changes)).bytes();
    const BytesView rest = BytesView(built_).subspan(built_.size() - (2 + 0x33) - (2 + 0x0a));
    ByteWriter payload;
    payload.U8(0x30)
        .U8(static_cast<std::uint8_t>(control.size()))
        .Raw(control)
        .Raw(rest)
        .Raw(Hex(tail));
    ByteWriter message;
    message.Raw(BytesView(built_).first(kUpToLength));
    const std::size_t size = payload.bytes().size();
    if (size + 2 >= 128) message.U8(0x81);
    message.U8(static_cast<std::uint8_t>(size + (size >= 128 ? 3 : 2)));
    message.U8(0x30);
    if (size >= 128) message.U8(0x81);
    return message.U8(static_cast<std::uint8_t>(size)).Raw(payload.bytes()).bytes();
  }
  static constexpr std::size_t kUpToLength = 33;  // DF to the Message Code
};

TEST_F(CorrelationOfAdditions, AddsNothingByItself) {
  EXPECT_EQ(ToHex(With("", "", "")), ToHex(built_));
}

TEST_F(CorrelationOfAdditions, RefusesAnExecutionTime) {
  ExpectDiffers(With("", "", "180f32303236313132313132303030305a"), "executionDateTime");
}

TEST_F(CorrelationOfAdditions, RefusesChangesOfOtherRoles) {
  ExpectDiffers(With("", "a608 3006 020103 020100", ""), "otherRemotePartySeqNumberChanges");
}

TEST_F(CorrelationOfAdditions, RefusesASymmetricKey) {
  ExpectDiffers(With("8001aa", "", ""), "plaintextSymmetricKey");
}

TEST_F(CorrelationOfAdditions, RefusesWhatDoesNotParse) {
  ExpectDiffers(With("", "", "0500"), "does not parse");
}

TEST_F(Correlation, RefusesAResponse) {
  Bytes octets = built_;
  octets[2] = 2;
  EXPECT_FALSE(CheckCorrelation(octets, wanted_, reserved_));
}

TEST_F(Correlation, RefusesAnEmptySignatureBehindTheCommand) {
  // A Pre-Command may have one, but what is about to be signed may not.
  Bytes octets = built_;
  octets.push_back(0);
  ExpectDiffers(octets, "message form");
}

TEST_F(Correlation, RefusesASignedCommand) {
  const Bytes octets = ByteWriter().Raw(built_).U8(0x40).Raw(Signature{}).bytes();
  ExpectDiffers(octets, "message form");
}

// The HSM derives the MAC key from the accessors.
TEST_F(Correlation, RefusesACommandThatNamesAnotherOriginatorDeviceOrCounter) {
  const auto differs = [&](const UnsignedCommand& command, const HandoverContent& wanted) {
    const Status status = CheckCorrelation(command, wanted, reserved_);
    return status ? std::string() : status.error().explanation;
  };
  HandoverContent other = wanted_;
  other.acb = Eui64(1);
  EXPECT_THAT(differs(*BuildUpdateSecurityCredentials(other, reserved_), wanted_),
              HasSubstr("originator of the MAC key"));
  const ReservedCounter later = ReserveFor(RemotePartyRole::kSupplier, kCounter + 1);
  EXPECT_THAT(differs(*BuildUpdateSecurityCredentials(wanted_, later), wanted_),
              HasSubstr("counter of the MAC key"));
  const ReservedCounter elsewhere =
      Reserve(RequestId{Eui64(1), Eui64(2), 1}, RemotePartyRole::kSupplier, reserved_.counter());
  EXPECT_THAT(differs(*BuildUpdateSecurityCredentials(wanted_, elsewhere), wanted_),
              HasSubstr("target of the MAC key"));
}

}  // namespace
}  // namespace acb::gbcs
