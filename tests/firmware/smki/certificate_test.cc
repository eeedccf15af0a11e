// Certificate::Parse: strict DER, and nothing else.
#include <gtest/gtest.h>

#include "firmware/base/p256.h"
#include "firmware/smki/bundle.h"
#include "firmware/smki/certificate_fields.h"
#include "firmware/smki/der.h"
#include "firmware/smki/key_identifier.h"
#include "tests/firmware/smki/builder.h"
#include "tests/support/shared.h"

namespace acb::smki {
namespace {

using namespace testing;

std::string FaultOf(const CertificateBuilder& builder) {
  const auto parsed = Certificate::Parse(builder.Build(TestKey()));
  if (parsed) return "";
  EXPECT_EQ(parsed.error().reason, Reason::kProfile);
  return parsed.error().explanation;
}

TEST(CertificateParse, ReadsTheRealSmkiCertificateWithABitStringInItsName) {
  ACB_NEED_SHARED();
  const auto file = acb::testing::SharedDir() / "vectors/smki-real/scottishpower-bitstring-dn.pem";
  const auto blocks = SplitCertificates(acb::testing::ReadFile(file));
  ASSERT_TRUE(blocks) << blocks.error().explanation;
  const auto parsed = Certificate::Parse(blocks->at(0));
  ASSERT_TRUE(parsed) << parsed.error().explanation;
  const Certificate& certificate = **parsed;
  EXPECT_EQ(certificate.eui64(), Eui64::FromPlain("70B3D51F305F0001"));
  EXPECT_EQ(certificate.ou_role(), 0x02);
  EXPECT_EQ(certificate.key_usage(), KeyUsage::kDigitalSignature);
  EXPECT_EQ(certificate.issuer(), Name::FromText("CN=U1, OU=07"));
  EXPECT_EQ(certificate.SerialDecimal(), "112241762065199483119112795224074819117");
  EXPECT_EQ(ToHex(certificate.subject_key_identifier()), "48639580c7acefa6");
  EXPECT_EQ(ToHex(certificate.authority_key_identifier()), "455eb1d6432680d8");
  EXPECT_EQ(certificate.not_after().Iso(), "2026-10-18T23:59:59.000Z");
  EXPECT_EQ(ToHex(KeyIdentifier(*certificate.public_point())), "48639580c7acefa6");
  EXPECT_EQ(certificate.Label(), "serial " + certificate.SerialDecimal() +
                                     " issuer CN=U1,OU=07 subject EUI-64 70B3D51F305F0001");
}

TEST(CertificateParse, TakesWhatIsSoundDerWhateverItsProfile) {
  const TestKey key;
  CertificateBuilder builder(key);
  EXPECT_EQ(FaultOf(builder), "");
  builder.version = Hex("a003020103");
  builder.serial = Hex("0201ff");  // -1
  builder.issuer = Seq({});
  builder.subject = Seq({});
  builder.key_usage = Ext("1.2.3", Hex("00"), true);
  builder.unique_ids = Hex("81020000");
  EXPECT_EQ(FaultOf(builder), "");
  const CertificatePtr certificate = builder.Parsed();
  EXPECT_EQ(certificate->SerialDecimal(), "-1");
  EXPECT_FALSE(certificate->eui64().has_value());
  EXPECT_FALSE(certificate->ou_role().has_value());
  EXPECT_FALSE(certificate->key_usage().has_value());
  EXPECT_EQ(certificate->Label(), "serial -1 issuer  subject (empty)");
}

TEST(CertificateParse, RefusesOctetsAfterTheEnd) {
  Bytes der = CertificateBuilder(TestKey()).Build(TestKey());
  EXPECT_TRUE(Certificate::Parse(der));
  der.push_back(0);
  EXPECT_FALSE(Certificate::Parse(der));
}

TEST(CertificateParse, RefusesEveryTruncation) {
  const Bytes der = CertificateBuilder(TestKey()).Build(TestKey());
  for (std::size_t size = 0; size < der.size(); ++size) {
    EXPECT_FALSE(Certificate::Parse(BytesView(der).first(size))) << size;
  }
}

TEST(CertificateParse, RefusesMoreThanEightKibibytes) {
  CertificateBuilder builder{TestKey()};
  builder.more_extensions = Ext("1.2.3", Bytes(7000), false);
  EXPECT_EQ(FaultOf(builder), "");
  builder.more_extensions = Ext("1.2.3", Bytes(8000), false);
  EXPECT_NE(FaultOf(builder), "");
}

TEST(CertificateParse, RefusesEachFieldInAnotherForm) {
  const CertificateBuilder good{TestKey()};
  const auto refused = [&](auto change) {
    CertificateBuilder builder = good;
    change(builder);
    return !FaultOf(builder).empty();
  };
  EXPECT_TRUE(refused([](auto& b) { b.version = Hex("a003020100"); }));  // explicit default v1
  EXPECT_TRUE(refused([](auto& b) { b.serial = Hex("02020001"); }));     // padded
  EXPECT_TRUE(refused([](auto& b) { b.serial = Hex("0200"); }));
  EXPECT_TRUE(refused([](auto& b) { b.serial = Hex("040101"); }));
  EXPECT_TRUE(refused([](auto& b) { b.inner_algorithm = Seq({}); }));
  EXPECT_TRUE(refused([](auto& b) { b.issuer = Utf8("x"); }));
  EXPECT_TRUE(refused([](auto& b) { b.validity = Seq({Time("200101000000Z")}); }));
  EXPECT_TRUE(refused([](auto& b) {
    b.validity = Seq({Time("200230000000Z"), Time("441231235959Z")});  // 30 February
  }));
  EXPECT_TRUE(refused([](auto& b) {
    b.validity = Seq({Time("20010100000Z"), Time("441231235959Z")});  // no seconds
  }));
  EXPECT_TRUE(refused([](auto& b) {
    b.validity = Seq({Time("200101000000Z"), Time("441231240000Z")});  // 24 hours
  }));
  EXPECT_TRUE(refused([](auto& b) { b.spki = Seq({}); }));
  EXPECT_TRUE(refused([](auto& b) { b.unique_ids = Hex("84020000"); }));
  EXPECT_TRUE(refused([](auto& b) {  // critical FALSE written out
    b.ski = Seq({Oid("2.5.29.14"), Hex("010100"), Tlv(0x04, Hex("0400"))});
  }));
  EXPECT_TRUE(refused([](auto& b) {
    b.ski = Seq({Oid("2.5.29.14"), Hex("010101"), Tlv(0x04, Hex("0400"))});  // BOOLEAN 01
  }));
}

TEST(Der, FindsEachFault) {
  const auto sound = [](std::string_view hex) { return !der::FindFault(Hex(hex)).has_value(); };
  EXPECT_TRUE(sound("3003020101"));
  EXPECT_FALSE(sound(""));
  EXPECT_FALSE(sound("30"));
  EXPECT_FALSE(sound("300302010100"));      // octets after the end
  EXPECT_FALSE(sound("308103020101"));      // long form below 128
  EXPECT_FALSE(sound("30800201010000"));    // indefinite
  EXPECT_FALSE(sound("3004020101"));        // runs past the end
  EXPECT_FALSE(sound("308400ffffff"));      // length with leading zero
  EXPECT_FALSE(sound("3085010000000002"));  // five octets of length
  EXPECT_FALSE(sound("1003020101"));        // primitive SEQUENCE
  EXPECT_FALSE(sound("2403040100"));        // constructed OCTET STRING
  EXPECT_FALSE(sound("1f810100"));          // tag number in long form
  EXPECT_TRUE(sound("0101ff"));
  EXPECT_FALSE(sound("010101"));
  EXPECT_FALSE(sound("01020000"));
  EXPECT_TRUE(sound("02020080"));
  EXPECT_FALSE(sound("0202007f"));
  EXPECT_FALSE(sound("0202ff80"));
  EXPECT_FALSE(sound("0200"));
  EXPECT_FALSE(sound("05021234"));
  EXPECT_TRUE(sound("0603550403"));
  EXPECT_FALSE(sound("0603558003"));  // subidentifier starts with 80
  EXPECT_FALSE(sound("0603550483"));  // unfinished
  EXPECT_FALSE(sound("0600"));
  EXPECT_TRUE(sound("03020780"));
  EXPECT_FALSE(sound("03020781"));  // an unused bit is set
  EXPECT_FALSE(sound("03020800"));
  EXPECT_FALSE(sound("030101"));
  EXPECT_FALSE(sound("0300"));
  EXPECT_TRUE(sound("3106020101020102"));
  EXPECT_FALSE(sound("3106020102020101"));  // SET out of order
}

TEST(Der, StopsAtTheDepthLimit) {
  Bytes nested = Hex("0500");
  for (int depth = 0; depth < der::kMaxDepth; ++depth) nested = Seq({nested});
  EXPECT_FALSE(der::FindFault(nested).has_value());
  EXPECT_TRUE(der::FindFault(Seq({nested})).has_value());
}

TEST(Der, KnowsUtf8) {
  const auto utf8 = [](std::string_view hex) { return der::IsUtf8(Hex(hex)); };
  EXPECT_TRUE(utf8("41c3a9e282acf09f9880"));
  for (const char* bad : {"80", "c0af", "c1bf", "e08080", "eda080", "f0808080", "f4908080",
                          "f5808080", "c3", "e282", "ff"}) {
    EXPECT_FALSE(utf8(bad)) << bad;
  }
}

TEST(P256, KnowsThePointsOfTheCurve) {
  const PublicPoint good = TestKey().point();
  EXPECT_TRUE(IsOnP256(good));
  PublicPoint bad = good;
  bad[64] ^= 1;
  EXPECT_FALSE(IsOnP256(bad));
  bad = good;
  bad[0] = 0x06;
  EXPECT_FALSE(IsOnP256(bad));
  EXPECT_FALSE(IsOnP256(BytesView(good).first(64)));
  EXPECT_FALSE(IsOnP256(Bytes(65)));
  PublicPoint zero{};
  zero[0] = 0x04;
  EXPECT_FALSE(IsOnP256(zero));
  PublicPoint above_prime = good;
  std::fill(above_prime.begin() + 1, above_prime.begin() + 33, std::uint8_t{0xff});
  EXPECT_FALSE(IsOnP256(above_prime));
  EXPECT_FALSE(VerifyingKey::From(bad).has_value());
}

TEST(P256, VerifiesOnlyStrictDerSignaturesOfTheMessage) {
  const TestKey key;
  const auto verifier = VerifyingKey::From(key.point());
  ASSERT_TRUE(verifier.has_value());
  const Bytes message = Hex("0102");
  const Bytes signature = key.Sign(message);
  EXPECT_TRUE(verifier->VerifyDer(message, signature));
  EXPECT_FALSE(verifier->VerifyDer(Hex("0103"), signature));
  Bytes longer = signature;
  longer.push_back(0);
  EXPECT_FALSE(verifier->VerifyDer(message, longer));
  EXPECT_FALSE(verifier->VerifyDer(message, Bytes{}));
  EXPECT_FALSE(verifier->VerifyDer(message, Hex("3006020100020100")));
  EXPECT_FALSE(VerifyingKey::From(TestKey().point())->VerifyDer(message, signature));
}

}  // namespace
}  // namespace acb::smki
