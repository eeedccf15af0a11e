#include <gtest/gtest.h>

#include "firmware/base/sha256.h"
#include "firmware/gbcs/correlation.h"
#include "firmware/gbcs/mac.h"
#include "tests/firmware/gbcs/vectors.h"
#include "tests/support/shared.h"

namespace acb::gbcs {
namespace {

using namespace acb::testing;

Mac MacFor(const UnsignedCommand& command, const Signature& signature) {
  const Secret z = Ecdh("90b3d51f30000002-ka", ReadPublicKey("00db1234567890a3-ka"));
  const OtherInfo info = MakeOtherInfo(command.originator(), CraFlag::kCommand,
                                       command.counter().value(), command.target());
  return ComputeMac(DeriveMacKey(z, info), MakeMacIv(command.originator()),
                    MacAad(command, signature));
}

// One 6.21 vector of the DCC against what is built from its inputs.
void ExpectTheVector(std::string_view name, const HandoverContent& content, RemotePartyRole role,
                     std::uint64_t counter, std::size_t octets) {
  const Bytes vector = ReadVector(name);
  ASSERT_EQ(vector.size(), octets);
  const ReservedCounter reserved = ReserveFor(role, counter);
  const auto command = BuildUpdateSecurityCredentials(content, reserved);
  ASSERT_TRUE(command) << command.error().explanation;
  EXPECT_EQ(ToHex(command->octets()), ToHex(UnsignedPartOf(vector)));
  EXPECT_TRUE(CheckCorrelation(*command, content, reserved));
  const Signature signature = SignatureOf(vector);
  EXPECT_TRUE(
      VerifySignature(command->ToBeSigned(), signature, ReadPublicKey("90b3d51f30000002-ds")));
  EXPECT_EQ(ToHex(MacFor(*command, signature)), ToHex(MacOf(vector)));
  EXPECT_EQ(ToHex(Assemble(*command, signature, MacOf(vector)).octets), ToHex(vector));
}

TEST(BuildUpdateSecurityCredentials, GivesTheNetworkOperatorVectorFromTheFirstOctetToTheLast) {
  ACB_NEED_SHARED();
  ExpectTheVector(kNetworkOperator621, NetworkOperatorContent(), RemotePartyRole::kNetworkOperator,
                  1301, 1421);
}

TEST(BuildUpdateSecurityCredentials, GivesTheSupplierVectorFromTheFirstOctetToTheLast) {
  ACB_NEED_SHARED();
  ExpectTheVector(kSupplier621, SupplierContent(), RemotePartyRole::kSupplier, 1300, 1878);
}

// gbcs-cs02b.md section 5.6: signed with RFC 6979, so that every octet is determined.
struct Reproducible {
  RemotePartyRole role;
  std::uint64_t counter;
  std::string_view signature;
  std::string_view mac;
  std::string_view sha256;
};
constexpr Reproducible kReproducible[] = {
    {RemotePartyRole::kNetworkOperator, 1301,
     "ba7621bfb3d946889abd6cbfa0c86535d4f52089c217cc4c9978d80e7d2956ad"
     "d317b402b3ab49c40a5134561418efe97290f5b19b7b64af778cb1ea5c4ef927",
     "b1d7088b084ae9b3eca48d31",
     "4719c2deb4fae95ab7506855c67b753c197bb4f29edc44118a411d679aefa880"},
    {RemotePartyRole::kNetworkOperator, 1500,
     "2b7510ac96e8eee29e79ef4b88283c8fac53dc58ec2df17c48c8399a71b3e33c"
     "c579e648206466a7087d7b6854b79cdd038d8617be265cf6b39bf5d2d6e9d5e5",
     "ff1aff9d3db8293510ebaf8c",
     "fce92cf486cde9a31e9ab12ae6c668995eb2acea2caac16fcb46ef20be24f434"},
    {RemotePartyRole::kSupplier, 1300,
     "4cb6031dcf7c6d34f21fe0bb8f0145deffe7ae5595ef03eda2e55318b2fcbcce"
     "821dc06f6a6bc2052cb650991bf2ab00584d9a879d4a1c03390addab6bd0416f",
     "84e33155a18f1917aa7c0e17",
     "8a24be72ac44c7d85489ff710ca86210df8273d25a37f8eca54dae5a4b96fcef"},
    {RemotePartyRole::kSupplier, 1500,
     "7044255ea985c8970e82c1742ce69f8b978d98a5b1083efe88800cb8418dd9ab"
     "8592ebbbf31b43dfe642c4ee0d68c210f7c8f8df3314a9f510c5ed461b159376",
     "56ef77b6d8db15c4d836acaf",
     "b472c3e68e81751d2f5abd912aab69d09518ffc83c12124f68ee975d8f569b7a"},
};

TEST(BuildUpdateSecurityCredentials, GivesTheReproducibleMessagesOfTheReference) {
  ACB_NEED_SHARED();
  for (const Reproducible& expected : kReproducible) {
    SCOPED_TRACE(::testing::Message() << Name(expected.role) << " " << expected.counter);
    const bool supplier = expected.role == RemotePartyRole::kSupplier;
    const HandoverContent content = supplier ? SupplierContent() : NetworkOperatorContent();
    const auto command =
        BuildUpdateSecurityCredentials(content, ReserveFor(expected.role, expected.counter));
    ASSERT_TRUE(command);
    const auto signature = HexArray<64>(expected.signature);
    EXPECT_TRUE(
        VerifySignature(command->ToBeSigned(), signature, ReadPublicKey("90b3d51f30000002-ds")));
    const Mac mac = MacFor(*command, signature);
    EXPECT_EQ(ToHex(mac), expected.mac);
    EXPECT_EQ(ToHex(Sha256(Assemble(*command, signature, mac).octets)), expected.sha256);
  }
}

// The whole of a small message, octet by octet (sections 2 and 3).
TEST(BuildUpdateSecurityCredentials, WritesEveryFieldWhereTheReferencePutsIt) {
  HandoverContent content = SmallContent(RemotePartyRole::kSupplier);
  content.apply_time_based_cpv_checks = false;
  const auto command =
      BuildUpdateSecurityCredentials(content, ReserveFor(RemotePartyRole::kSupplier, 200));
  ASSERT_TRUE(command);
  const Bytes expected =
      Hex("df 09 01 00000000000000c8 08 90b3d51f30000002 08 00db1234567890a3 00 02 0102 65"
          "3063"
          "3020 020102 810101 a20702010203020780 830200c8 840107 a5083006020100020108"
          "3033"
          "300e 3003020101 300702010203020780"
          "300e 3003020102 300702010203020308"
          "3011 3003020105 300a02010203020308020101"
          "300a 3003020103 3003020104");
  EXPECT_EQ(ToHex(command->octets()), ToHex(expected));
  EXPECT_EQ(ToHex(command->ToBeSigned()), ToHex(BytesView(expected).subspan(1)));
}

TEST(BuildUpdateSecurityCredentials, LeavesOutWhatIsAbsentOrDefault) {
  HandoverContent content = SmallContent(RemotePartyRole::kNetworkOperator);
  content.floor.reset();
  const auto command =
      BuildUpdateSecurityCredentials(content, ReserveFor(RemotePartyRole::kNetworkOperator, 1));
  ASSERT_TRUE(command);
  const std::string hex = ToHex(command->octets());
  EXPECT_NE(hex.find("300f"
                     "020103"
                     "a20702010303020780"
                     "830101"),
            std::string::npos)
      << hex;
}

TEST(BuildUpdateSecurityCredentials, KeepsTheGreatestCounterAndFloorPositive) {
  HandoverContent content = SmallContent(RemotePartyRole::kNetworkOperator);
  content.floor = FloorSeqNumber::From(kMaxSeqNumber);
  const auto command = BuildUpdateSecurityCredentials(
      content, ReserveFor(RemotePartyRole::kNetworkOperator, kMaxSeqNumber));
  ASSERT_TRUE(command);
  const std::string hex = ToHex(command->octets());
  EXPECT_NE(hex.find("83087fffffffffffffff"
                     "84087fffffffffffffff"),
            std::string::npos)
      << hex;
}

TEST(BuildUpdateSecurityCredentials, WritesEveryLengthOfTheMacHeaderInItsShortestForm) {
  // 5 + command + 1 + 64 + 12 crosses 255 | 256 inside this range, the content length does at 127 |
  // 128.
  for (std::size_t extra = 0; extra < 120; ++extra) {
    HandoverContent content = SmallContent(RemotePartyRole::kNetworkOperator);
    Bytes certificate = {0x30, static_cast<std::uint8_t>(extra)};
    certificate.resize(2 + extra, 0x05);
    content.digital_signing_certificate = certificate;
    const auto command =
        BuildUpdateSecurityCredentials(content, ReserveFor(RemotePartyRole::kNetworkOperator, 9));
    ASSERT_TRUE(command);
    const Bytes message = Assemble(*command, Signature{}, Mac{}).octets;
    const std::size_t follows = 5 + command->octets().size() + 1 + 64 + 12;
    const Bytes length = follows < 256 ? Bytes{0x81, static_cast<std::uint8_t>(follows)}
                                       : Bytes{0x82, static_cast<std::uint8_t>(follows >> 8),
                                               static_cast<std::uint8_t>(follows)};
    EXPECT_TRUE(Equal(BytesView(message).subspan(7, length.size()), length));
    EXPECT_EQ(message.size(), 7 + length.size() + follows);
  }
}

class Content : public ::testing::Test {
 protected:
  void ExpectRefused(const HandoverContent& content, RemotePartyRole role) {
    const auto command = BuildUpdateSecurityCredentials(content, ReserveFor(role, 5));
    ASSERT_FALSE(command);
    EXPECT_EQ(command.error().reason, Reason::kCorrelation);
    EXPECT_FALSE(command.error().explanation.empty());
  }
  void ExpectBuilt(const HandoverContent& content, RemotePartyRole role) {
    EXPECT_TRUE(BuildUpdateSecurityCredentials(content, ReserveFor(role, 5)));
  }
  HandoverContent network_operator_ = SmallContent(RemotePartyRole::kNetworkOperator);
  HandoverContent supplier_ = SmallContent(RemotePartyRole::kSupplier);
};
using BuildRefuses = Content;

TEST_F(BuildRefuses, RolesThat621DoesNotHandOver) {
  for (int role = 0; role <= 8; ++role) {
    const auto as_role = static_cast<RemotePartyRole>(role);
    const bool handed_over =
        as_role == RemotePartyRole::kSupplier || as_role == RemotePartyRole::kNetworkOperator;
    handed_over ? ExpectBuilt(network_operator_, as_role)
                : ExpectRefused(network_operator_, as_role);
  }
}

TEST_F(BuildRefuses, TopUpPartsForANetworkOperator) {
  ExpectBuilt(supplier_, RemotePartyRole::kSupplier);
  ExpectRefused(supplier_, RemotePartyRole::kNetworkOperator);
  HandoverContent floor_only = network_operator_;
  floor_only.prepayment_top_up_floor = FloorSeqNumber::From(0);
  ExpectRefused(floor_only, RemotePartyRole::kNetworkOperator);
  ExpectBuilt(floor_only, RemotePartyRole::kSupplier);
}

TEST_F(BuildRefuses, NoneOrMoreThanThreePathCertificates) {
  for (std::size_t count = 0; count <= 4; ++count) {
    network_operator_.certification_path.assign(count, Hex("3003020103"));
    const bool allowed = count >= 1 && count <= 3;
    allowed ? ExpectBuilt(network_operator_, RemotePartyRole::kNetworkOperator)
            : ExpectRefused(network_operator_, RemotePartyRole::kNetworkOperator);
  }
}

TEST_F(BuildRefuses, WhatIsNotOneDerSequence) {
  constexpr std::string_view kBad[] = {
      "",                  // nothing
      "30",                // no length
      "3004 020101",       // longer than it is
      "3002 020101",       // something behind it
      "3103 020101",       // a SET
      "308103 020101",     // length not in the shortest form
      "3080 020101 0000",  // indefinite length
  };
  for (const std::string_view bad : kBad) {
    SCOPED_TRACE(bad);
    for (Bytes HandoverContent::*field : {&HandoverContent::digital_signing_certificate,
                                          &HandoverContent::key_agreement_certificate}) {
      HandoverContent content = supplier_;
      content.*field = Hex(bad);
      ExpectRefused(content, RemotePartyRole::kSupplier);
    }
    HandoverContent top_up = supplier_;
    top_up.key_agreement_top_up_certificate = Hex(bad);
    ExpectRefused(top_up, RemotePartyRole::kSupplier);
    HandoverContent path = supplier_;
    path.certification_path[1] = Hex(bad);
    ExpectRefused(path, RemotePartyRole::kSupplier);
  }
}

TEST_F(BuildRefuses, ACertificateOfMoreThan8KiB) {
  Bytes certificate = {0x30, 0x82, 0x1F, 0xFC};
  certificate.resize(kMaxCertificateOctets, 0x05);
  // The greatest message: six certificates of that size.
  supplier_.digital_signing_certificate = certificate;
  supplier_.key_agreement_certificate = certificate;
  supplier_.key_agreement_top_up_certificate = certificate;
  supplier_.certification_path.assign(3, certificate);
  ExpectBuilt(supplier_, RemotePartyRole::kSupplier);
  certificate[3] = 0xFD;
  certificate.push_back(0x05);
  supplier_.key_agreement_certificate = certificate;
  ExpectRefused(supplier_, RemotePartyRole::kSupplier);
}

}  // namespace
}  // namespace acb::gbcs
