#include "firmware/gbcs/mac.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <sstream>

#include "firmware/base/sha256.h"
#include "firmware/gbcs/message.h"
#include "tests/firmware/gbcs/vectors.h"
#include "tests/support/shared.h"

namespace acb::gbcs {
namespace {

using namespace acb::testing;

Secret ToSecret(BytesView bytes) {
  Secret secret(bytes.size());
  std::ranges::copy(bytes, secret.Writable().begin());
  return secret;
}

// Signature, MAC and key material of NO621C (gbcs-cs02b.md section 5.5).
constexpr std::string_view kZ = "0b405f35956dfe76fd9d3985b9f6222d686d09f5167b80dbc1302474366f369a";
constexpr Eui64 kNetworkOperator{0x90B3D51F30020000};
constexpr Eui64 kEsme{0x00DB1234567890A0};

TEST(OtherInfo, IsTheWorkedExampleOfTheReference) {
  EXPECT_EQ(ToHex(MakeOtherInfo(kAcb, CraFlag::kCommand, 1301, kGpf)),
            "6085740608030090b3d51f30000002090100000000000005"
            "1500db1234567890a3");
}

// Section 12, trap 4: the originator of the Grouping Header, here a network operator.
TEST(OtherInfo, NamesTheOriginatorOfTheHeaderNotTheAcb) {
  EXPECT_EQ(ToHex(MakeOtherInfo(kNetworkOperator, CraFlag::kCommand, 1200, kEsme)),
            "6085740608030090b3d51f30020000090100000000000004b000db1234567890a0");
}

TEST(MacKey, IsThatOfTheWorkedExamples) {
  const auto derive = [](std::string_view z, Eui64 originator, CraFlag cra, std::uint64_t counter,
                         Eui64 target) {
    const OtherInfo info = MakeOtherInfo(originator, cra, counter, target);
    return ToHex(DeriveMacKey(ToSecret(Hex(z)), info).View());
  };
  constexpr std::string_view kZWithEsme =
      "ed342441df01551a6beaff3b54adc981f4c6a7e71dff4c3e1cc80b3c9f4e5ac0";
  EXPECT_EQ(derive(kZ, kAcb, CraFlag::kCommand, 1301, kGpf), "eeb761530d68641aeeb921b2150ef800");
  EXPECT_EQ(derive(kZWithEsme, kNetworkOperator, CraFlag::kCommand, 1200, kEsme),
            "5642f8d9c3873198dbbdc311d3623ce9");
  EXPECT_EQ(derive(kZWithEsme, kAcb, CraFlag::kCommand, 1302, kEsme),
            "58ccd7d6e09f01fe98441277d5ede298");
  EXPECT_EQ(derive(kZWithEsme, kEsme, CraFlag::kResponse, 1302, kAcb),
            "151abca3be2346fee4ffaf25d0759a17");
}

// Section 5.5, the table "KDF only". The private key of …A0 is not among the files, so the secret
// of the last two rows comes from the supplier's side: both sides derive the same.
TEST(MacKey, IsThatOfThePublishedUnitTests) {
  ACB_NEED_SHARED();
  constexpr Eui64 kSupplier{0x90B3D51F30010000};
  const PublicPoint esme = ReadPublicKey("00db1234567890a0-ka");
  const Secret with_acb = Ecdh("90b3d51f30000002-ka", esme);
  const Secret with_supplier = Ecdh("90b3d51f30010000-ka", esme);
  const auto derive = [](const Secret& z, const OtherInfo& info) {
    return ToHex(DeriveMacKey(z, info).View());
  };
  EXPECT_EQ(derive(with_acb, MakeOtherInfo(kSupplier, CraFlag::kCommand, 0x100000000, kEsme)),
            "6a93e360717394015df93e031218c9a6");
  EXPECT_EQ(derive(with_supplier, MakeOtherInfo(kEsme, CraFlag::kResponse, 0x100000000, kSupplier)),
            "03fd30815577c49eb7e3834b63ef8302");
  EXPECT_EQ(derive(with_supplier, MakeOtherInfo(kEsme, CraFlag::kAlert, 0x7d1, kSupplier)),
            "558fb1fa6660af0d9e8365c47804b8fa");
}

TEST(Ecdh, OfTheTestKeysGivesTheSecretOfTheReference) {
  ACB_NEED_SHARED();
  EXPECT_EQ(ToHex(Ecdh("90b3d51f30000002-ka", ReadPublicKey("00db1234567890a3-ka")).View()), kZ);
}

TEST(MacIv, IsTheOriginatorAndFourZeroOctets) {
  EXPECT_EQ(ToHex(MakeMacIv(kAcb)), "90b3d51f3000000200000000");
}

// A whole message small enough to stand here (section 5.5).
TEST(Mac, OfTheSmallCs02aCommandIsReproduced) {
  const Secret key = ToSecret(Hex("58ccd7d6e09f01fe98441277d5ede298"));
  const Bytes aad =
      MacAad(Hex("df0901000000000000051608 90b3d51f300000020800db1234567890a0 0002000813"
                 "30113007020104030203083006020102020103 00"));
  EXPECT_EQ(ToHex(aad).substr(0, 16), "110000000000df09");
  EXPECT_EQ(ToHex(ComputeMac(key, MakeMacIv(kAcb), aad)), "a3e451cdc680b824b9dae4cf");
}

// Section 5.3 and section 12, traps 1 to 3: the other readings of the text, each tried on NO621C.
TEST(MacAad, HasFiveZeroOctetsTheTagAndTheWholeSignature) {
  ACB_NEED_SHARED();
  const Bytes vector = ReadVector(kNetworkOperator621);
  const auto message = Message::Parse(vector);
  ASSERT_TRUE(message);
  const Bytes aad = message->Aad();
  EXPECT_EQ(aad.size(), 1400u);
  EXPECT_EQ(ToHex(Sha256(aad)), "c292a6dfd40e75d49ef81f883bea12f97aac8e9166923bf49c5da6b335f9d053");
  const Secret key = ToSecret(Hex("eeb761530d68641aeeb921b2150ef800"));
  const auto tag = [&](BytesView tried) { return ToHex(ComputeMac(key, MakeMacIv(kAcb), tried)); };
  const BytesView body = message->Body();
  EXPECT_EQ(tag(aad), "f499637ef0ead9defbf3ea39");
  EXPECT_EQ(tag(body), "fba5ee2270c9eecb0c30457f");
  EXPECT_EQ(tag(ByteWriter().U8(0x11).Raw(body).bytes()), "ee06bbb2632edfe1d5040b9e");
  EXPECT_EQ(tag(ByteWriter().U8(0x11).U32(0).Raw(body).bytes()), "99dc58296a828afb0df11c29");
  // Without the tag DF; without the signature; without its length octet.
  const std::string good = "f499637ef0ead9defbf3ea39";
  EXPECT_NE(tag(MacAad(body.subspan(1))), good);
  EXPECT_NE(tag(MacAad(body.first(body.size() - 65))), good);
  const Bytes no_length = ByteWriter().Raw(body.first(body.size() - 65)).Raw(body.last(64)).bytes();
  EXPECT_NE(tag(MacAad(no_length)), good);
}

// Trap 4 from the MAC's side: IV and OtherInfo with the ACB in place of the originator.
TEST(Mac, UsesTheOriginatorOfTheHeaderInKeyAndIv) {
  ACB_NEED_SHARED();
  const Bytes vector = ReadVector("CS02bNOByNO_6.15.1_SUCCESS_COMMAND");
  const auto message = Message::Parse(vector);
  ASSERT_TRUE(message);
  const Secret z = Ecdh("90b3d51f30000002-ka", ReadPublicKey("00db1234567890a0-ka"));
  const auto mac = [&](Eui64 in_key, Eui64 in_iv) {
    const OtherInfo info = MakeOtherInfo(in_key, CraFlag::kCommand, 1200, kEsme);
    return ToHex(ComputeMac(DeriveMacKey(z, info), MakeMacIv(in_iv), message->Aad()));
  };
  EXPECT_EQ(mac(kNetworkOperator, kNetworkOperator), "5ef46d9f5e4564b1d6c7deb5");
  EXPECT_NE(mac(kAcb, kNetworkOperator), "5ef46d9f5e4564b1d6c7deb5");
  EXPECT_NE(mac(kNetworkOperator, kAcb), "5ef46d9f5e4564b1d6c7deb5");
}

TEST(Mac, EqualityLooksAtEveryOctet) {
  const Mac mac = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  EXPECT_TRUE(EqualMacs(mac, mac));
  for (std::size_t i = 0; i < mac.size(); ++i) {
    Mac other = mac;
    other[i] ^= 0x80;
    EXPECT_FALSE(EqualMacs(mac, other));
  }
}

// NIST CAVP response files: blocks of "name = value" that end with an empty line.
using CavpRow = std::map<std::string, std::string>;
void ForEachCavpRow(std::string_view file, const std::function<void(const CavpRow&)>& visit) {
  std::istringstream in(ReadText(SharedDir() / "vectors" / "nist-cavp" / file));
  CavpRow section, row;
  std::string line;
  while (std::getline(in, line)) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    const bool header = line.starts_with('[');
    if (header) line = line.substr(1, line.size() - 2);
    const std::size_t equals = line.find('=');
    if (line.empty()) {
      if (!row.empty()) {
        row.insert(section.begin(), section.end());
        visit(row);
      }
      row.clear();
    } else if (equals != std::string::npos) {
      std::string name = line.substr(0, equals), value = line.substr(equals + 1);
      while (!name.empty() && name.back() == ' ') name.pop_back();
      while (!value.empty() && value.front() == ' ') value.erase(0, 1);
      (header ? section : row).insert_or_assign(name, value);
    }
  }
  if (!row.empty()) visit(row);
}

TEST(NistCavp, SignaturesOfP256WithSha256) {
  ACB_NEED_SHARED();
  int passed = 0, refused = 0;
  ForEachCavpRow("ecdsa-p256-sha256-SigVer.rsp", [&](const CavpRow& row) {
    if (!row.contains("Msg")) return;
    const auto point = HexArray<65>("04" + row.at("Qx") + row.at("Qy"));
    const auto signature = HexArray<64>(row.at("R") + row.at("S"));
    const bool good = row.at("Result").starts_with("P");
    EXPECT_EQ(VerifySignature(Hex(row.at("Msg")), signature, point), good) << row.at("Result");
    ++(good ? passed : refused);
  });
  EXPECT_EQ(passed + refused, 15);
  EXPECT_GT(passed, 0);
  EXPECT_GT(refused, 0);
}

TEST(NistCavp, KeyDerivationOfTheStaticUnifiedModel) {
  ACB_NEED_SHARED();
  int rows = 0;
  ForEachCavpRow("kas-ecc-static-unified-kdfconcat-p256-sha256-init.fax", [&](const CavpRow& row) {
    if (!row.contains("DKM") || !row.at("Result").starts_with("P")) return;
    const Secret key = DeriveMacKey(ToSecret(Hex(row.at("Z"))), Hex(row.at("OI")));
    EXPECT_EQ(ToHex(key.View()), row.at("DKM"));
    ++rows;
  });
  EXPECT_GT(rows, 0);
}

TEST(NistCavp, GmacIsGcmWithoutPlaintext) {
  ACB_NEED_SHARED();
  int rows = 0;
  ForEachCavpRow("gcmEncryptExtIV128-iv96-tag96-128.rsp", [&](const CavpRow& row) {
    if (!row.contains("Tag") || row.at("PTlen") != "0" || row.at("AADlen") == "0") return;
    const Mac mac =
        ComputeMac(ToSecret(Hex(row.at("Key"))), HexArray<12>(row.at("IV")), Hex(row.at("AAD")));
    EXPECT_EQ(ToHex(mac), row.at("Tag").substr(0, 24));
    ++rows;
  });
  EXPECT_GT(rows, 0);
}

class SignatureCheck : public ::testing::Test {
 protected:
  void SetUp() override {
    ACB_NEED_SHARED();
    vector_ = ReadVector(kNetworkOperator621);
    signed_ = UnsignedPartOf(vector_).subspan(1);
    signature_ = SignatureOf(vector_);
    key_ = ReadPublicKey("90b3d51f30000002-ds");
  }
  Bytes vector_;
  BytesView signed_;
  Signature signature_{};
  PublicPoint key_{};
};

// Section 5.4 and trap 2.
TEST_F(SignatureCheck, CoversAllAfterTheTagUpToThePayloadsEnd) {
  EXPECT_EQ(signed_.size(), 1328u);
  EXPECT_TRUE(VerifySignature(signed_, signature_, key_));
  const BytesView all = vector_;
  EXPECT_FALSE(VerifySignature(all.subspan(15, 1329), signature_, key_));  // with DF
  EXPECT_FALSE(VerifySignature(all.subspan(16, 1329), signature_, key_));  // with 40
  EXPECT_FALSE(VerifySignature(all.subspan(51, 1293), signature_, key_));  // payload only
}

TEST_F(SignatureCheck, TakesHighAndLowS) {
  // n - s verifies where s does: there is no low-s rule (section 2.3).
  const auto order =
      HexArray<32>("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
  Signature other = signature_;
  int borrow = 0;
  for (std::size_t i = 32; i-- > 0;) {
    int digit = order[i] - signature_[32 + i] - borrow;
    borrow = digit < 0 ? 1 : 0;
    other[32 + i] = static_cast<std::uint8_t>(digit + 256 * borrow);
  }
  EXPECT_NE(other, signature_);
  EXPECT_TRUE(VerifySignature(signed_, other, key_));
}

TEST_F(SignatureCheck, RefusesRAndSOutsideOneToNMinusOne) {
  const Bytes out_of_range[] = {
      Hex("0000000000000000000000000000000000000000000000000000000000000000"),
      Hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"),
      Hex("ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff")};
  for (const Bytes& scalar : out_of_range) {
    for (const std::size_t at : {0u, 32u}) {
      Signature other = signature_;
      std::ranges::copy(scalar, other.begin() + static_cast<std::ptrdiff_t>(at));
      EXPECT_FALSE(VerifySignature(signed_, other, key_));
    }
  }
}

TEST_F(SignatureCheck, RefusesAnotherKeyAndAnotherMessage) {
  EXPECT_FALSE(VerifySignature(signed_, signature_, ReadPublicKey("90b3d51f30020000-ds")));
  Bytes changed = ToBytes(signed_);
  changed.back() ^= 1;
  EXPECT_FALSE(VerifySignature(changed, signature_, key_));
  EXPECT_FALSE(VerifySignature({}, signature_, key_));
}

TEST_F(SignatureCheck, RefusesAPointThatIsNotOnTheCurve) {
  PublicPoint off = key_;
  off[64] ^= 1;
  EXPECT_FALSE(VerifySignature(signed_, signature_, off));
  EXPECT_FALSE(VerifySignature(signed_, signature_, PublicPoint{}));
  PublicPoint origin{};
  origin[0] = 4;
  EXPECT_FALSE(VerifySignature(signed_, signature_, origin));
}

TEST_F(SignatureCheck, RefusesTheHybridFormOfTheSamePoint) {
  PublicPoint hybrid = key_;
  hybrid[0] = static_cast<std::uint8_t>(6 + (key_[64] & 1));
  EXPECT_FALSE(VerifySignature(signed_, signature_, hybrid));
}

}  // namespace
}  // namespace acb::gbcs
