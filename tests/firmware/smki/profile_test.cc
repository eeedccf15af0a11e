// One test per field of the organisation certificate (R-SEC3-8), each beside an accepted neighbour.
#include "firmware/smki/profile.h"

#include <gtest/gtest.h>

#include "firmware/smki/key_identifier.h"
#include "tests/firmware/smki/device_pki.h"

namespace acb::smki {
namespace {

using namespace testing;

class OrganisationProfile : public ::testing::Test {
 protected:
  // The name of the reason, or "good".
  std::string Judge() const {
    const CertificatePtr certificate = builder.Parsed();
    const Status status = CheckOrganisationProfile(*certificate, TrustSettings{});
    if (status) return "good";
    // R-NOW-14: every explanation says which certificate.
    EXPECT_TRUE(status.error().explanation.starts_with(certificate->Label()))
        << status.error().explanation;
    EXPECT_GT(status.error().explanation.size(), certificate->Label().size() + 10);
    return std::string(Describe(status.error().reason).name);
  }

  TestKey key;
  CertificateBuilder builder{key};
};

Bytes Subject(std::initializer_list<Bytes> rdns) { return Seq(rdns); }
const std::string_view kEui = "03090090b3d51f30010000";
Bytes Ou(const Bytes& value) { return Rdn("2.5.4.11", value); }
Bytes Uid(std::string_view hex) { return Rdn("2.5.4.45", Hex(hex)); }

TEST_F(OrganisationProfile, TakesTheGoodOne) { EXPECT_EQ(Judge(), "good"); }

TEST_F(OrganisationProfile, WantsVersion3) {
  builder.version = Hex("a003020101");
  EXPECT_EQ(Judge(), "PROFILE");
  builder.version = Hex("a003020103");
  EXPECT_EQ(Judge(), "PROFILE");
  builder.version = {};
  EXPECT_EQ(Judge(), "PROFILE");
  builder.version = Hex("a003020102");
  EXPECT_EQ(Judge(), "good");
}

TEST_F(OrganisationProfile, WantsEcdsaWithSha256InBothPlacesWithoutParameters) {
  const Bytes good = builder.inner_algorithm;
  const Bytes sha384 = Hex("300a06082a8648ce3d040303");
  const Bytes with_null = Hex("300c06082a8648ce3d0403020500");
  for (const Bytes& bad : {sha384, with_null}) {
    builder.inner_algorithm = bad;
    EXPECT_EQ(Judge(), "ALGORITHM");
    builder.outer_algorithm = bad;
    EXPECT_EQ(Judge(), "ALGORITHM");
    builder.inner_algorithm = good;
    EXPECT_EQ(Judge(), "ALGORITHM");
    builder.outer_algorithm = good;
    EXPECT_EQ(Judge(), "good");
  }
}

TEST_F(OrganisationProfile, WantsANamedP256KeyUncompressedAndOnTheCurve) {
  const PublicPoint point = key.point();
  const auto spki = [](std::string_view algorithm, Bytes bits) {
    return Seq({Hex(algorithm), Tlv(0x03, Join({Bytes{0}, std::move(bits)}))});
  };
  const std::string_view p256 = "301306072a8648ce3d020106082a8648ce3d030107";
  builder.spki = spki("301006072a8648ce3d020106052b81040022", Bytes(97, 4));  // P-384
  EXPECT_EQ(Judge(), "ALGORITHM");
  builder.spki = spki("300d06092a864886f70d0101010500", Hex("3006020103020103"));  // RSA
  EXPECT_EQ(Judge(), "ALGORITHM");
  Bytes changed = ToBytes(point);
  changed[40] ^= 1;
  builder.spki = spki(p256, changed);
  EXPECT_EQ(Judge(), "ALGORITHM");
  Bytes compressed(point.begin(), point.begin() + 33);
  compressed[0] = static_cast<std::uint8_t>(0x02 | (point[64] & 1));
  builder.spki = spki(p256, compressed);
  EXPECT_EQ(Judge(), "ALGORITHM");
  builder.spki = spki(p256, ToBytes(point));
  EXPECT_EQ(Judge(), "good");
}

TEST_F(OrganisationProfile, WantsAPositiveSerialOfAtMost20Octets) {
  builder.serial = Hex("020100");
  EXPECT_EQ(Judge(), "PROFILE");
  builder.serial = Hex("0201ff");
  EXPECT_EQ(Judge(), "PROFILE");
  builder.serial = Tlv(0x02, Bytes(21, 0x11));
  EXPECT_EQ(Judge(), "PROFILE");
  builder.serial = Tlv(0x02, Bytes(20, 0x11));
  EXPECT_EQ(Judge(), "good");
  builder.serial = Hex("020101");
  EXPECT_EQ(Judge(), "good");
}

TEST_F(OrganisationProfile, WantsAnIssuerOfOuAndCn) {
  const Bytes ou = Rdn("2.5.4.11", Printable("07"));
  const Bytes cn = Rdn("2.5.4.3", Utf8("T1"));
  const Bytes other = Rdn("2.5.4.10", Utf8("T1"));
  for (const Bytes& bad :
       {Seq({}), Seq({ou}), Seq({ou, cn, cn}), Seq({ou, ou, cn}), Seq({ou, cn, other}),
        Seq({Rdn("2.5.4.11", Utf8("7")), cn}), Seq({ou, Rdn("2.5.4.3", Hex("030200ff"))}),
        Seq({ou, Rdn("2.5.4.3", Utf8("T\xC9"))})}) {
    builder.issuer = bad;
    EXPECT_EQ(Judge(), "PROFILE") << ToHex(bad);
  }
  builder.issuer = Seq({cn, ou});
  EXPECT_EQ(Judge(), "good");
}

TEST_F(OrganisationProfile, WantsAnOuOfExactlyTwoHexDigits) {
  for (const char* bad : {"2", "002", " 02", "02 ", "+2", "ZZ", "0x02", "137", "", "0\x82"}) {
    builder.subject = Subject({Ou(Utf8(bad)), Uid(kEui)});
    EXPECT_EQ(Judge(), "PROFILE") << bad;
  }
  builder.subject = Subject({Ou(Tlv(0x16, AsBytes("02"))), Uid(kEui)});  // IA5String
  EXPECT_EQ(Judge(), "PROFILE");
  builder.subject = Subject({Uid(kEui)});
  EXPECT_EQ(Judge(), "PROFILE");
  builder.subject = Subject({Ou(Utf8("02")), Ou(Utf8("03")), Uid(kEui)});
  EXPECT_EQ(Judge(), "PROFILE");
  builder.subject = Subject({Ou(Utf8("02")), Ou(Utf8("02")), Uid(kEui)});
  EXPECT_EQ(Judge(), "PROFILE");
  builder.subject = Subject({Ou(Printable("02")), Uid(kEui)});
  EXPECT_EQ(Judge(), "good");
  builder.subject = Subject({Ou(Utf8("7F")), Uid(kEui)});
  EXPECT_EQ(Judge(), "good");
}

TEST_F(OrganisationProfile, WantsOneUniqueIdentifierOf8Octets) {
  const Bytes ou = Ou(Utf8("02"));
  for (const char* bad : {"03080090b3d51f300100", "030a0090b3d51f3001000000",
                          "03090190b3d51f30010000", "040890b3d51f30010000", "0c0102"}) {
    builder.subject = Subject({ou, Uid(bad)});
    EXPECT_EQ(Judge(), "PROFILE") << bad;
  }
  builder.subject = Subject({ou, Uid(kEui), Uid(kEui)});
  EXPECT_EQ(Judge(), "PROFILE");
  builder.subject = Subject({Uid(kEui), ou});
  EXPECT_EQ(Judge(), "good");
  builder.subject = Subject({ou, Uid("030900fffffffffffffffe")});
  EXPECT_EQ(Judge(), "good");
}

TEST_F(OrganisationProfile, WantsNothingElseInTheSubjectButACn) {
  const Bytes ou = Ou(Utf8("02"));
  const Bytes cn = Rdn("2.5.4.3", Utf8("GITTESTSUPPLIER"));
  // Found by the fuzzer: what no UTF-8, and no PrintableString, is no text.
  for (const Bytes& text : {Utf8("G\xC9TTEST"), Printable("G@TTEST")}) {
    builder.subject = Subject({ou, Uid(kEui), Rdn("2.5.4.3", text)});
    EXPECT_EQ(Judge(), "PROFILE") << ToHex(text);
  }
  builder.subject = Subject({ou, Uid(kEui), Rdn("2.5.4.3", Utf8("G\xC3\x89TTEST"))});
  EXPECT_EQ(Judge(), "good");
  builder.subject = Subject({ou, Uid(kEui), Rdn("2.5.4.10", Utf8("x"))});
  EXPECT_EQ(Judge(), "PROFILE");
  builder.subject = Subject({cn, cn, ou, Uid(kEui)});
  EXPECT_EQ(Judge(), "PROFILE");
  const Bytes uid_pair = Seq({Oid("2.5.4.45"), Hex(kEui)});
  const Bytes ou_pair = Seq({Oid("2.5.4.11"), Utf8("02")});
  builder.subject = Subject({Tlv(0x31, Join({ou_pair, uid_pair}))});  // one RDN of two
  EXPECT_EQ(Judge(), "PROFILE");
  builder.subject = Subject({cn, ou, Uid(kEui)});
  EXPECT_EQ(Judge(), "good");
}

TEST_F(OrganisationProfile, WantsTheTimeFormsOfTheirYears) {
  const auto validity = [](std::string_view from, std::string_view to) {
    return Seq({Time(from), Time(to)});
  };
  builder.validity = validity("200101000000Z", "20450101000000Z");
  EXPECT_EQ(Judge(), "PROFILE");
  builder.validity = validity("20200101000000Z", "450101000000Z");
  EXPECT_EQ(Judge(), "PROFILE");
  builder.validity = validity("200101000000Z", "491231235959Z");
  EXPECT_EQ(Judge(), "good");
  builder.validity = validity("200101000000Z", "20500101000000Z");
  EXPECT_EQ(Judge(), "good");
  builder.validity = validity("200101000000Z", "99991231235959Z");
  EXPECT_EQ(Judge(), "good");
  builder.validity = validity("500101000000Z", "200101000000Z");  // 50 is 1950
  EXPECT_EQ(Judge(), "good");
}

TEST_F(OrganisationProfile, WantsNotBeforeUpToNotAfter) {
  builder.validity = Seq({Time("200101000001Z"), Time("200101000000Z")});
  EXPECT_EQ(Judge(), "PROFILE");
  builder.validity = Seq({Time("200101000000Z"), Time("200101000000Z")});
  EXPECT_EQ(Judge(), "good");
}

TEST_F(OrganisationProfile, WantsExactlyOneKeyUsage) {
  const auto usage = [](std::string_view hex, bool critical = true) {
    return Ext("2.5.29.15", Hex(hex), critical);
  };
  builder.key_usage = {};
  EXPECT_EQ(Judge(), "PROFILE");
  builder.key_usage = usage("03020780", false);
  EXPECT_EQ(Judge(), "PROFILE");
  for (const char* bad : {"03020388", "03020520", "030206c0", "030100", "0303078000", "0302078000",
                          "03020680", "0303070080"}) {
    builder.key_usage = usage(bad);
    EXPECT_EQ(Judge(), "PROFILE") << bad;
  }
  builder.key_usage = usage("03020308");  // keyAgreement
  EXPECT_EQ(Judge(), "good");
}

TEST_F(OrganisationProfile, WantsTheSubjectKeyIdentifierOfItsKey) {
  const Bytes good = KeyIdentifier(key.point());
  const auto ski = [](const Bytes& value, bool critical = false) {
    return Ext("2.5.29.14", Tlv(0x04, value), critical);
  };
  Bytes other = good;
  other[7] ^= 1;
  builder.ski = {};
  EXPECT_EQ(Judge(), "PROFILE");
  builder.ski = ski(other);
  EXPECT_EQ(Judge(), "PROFILE");
  builder.ski = ski(Bytes(good.begin(), good.begin() + 7));
  EXPECT_EQ(Judge(), "PROFILE");
  builder.ski = ski(good, true);
  EXPECT_EQ(Judge(), "PROFILE");
  builder.ski = Join({ski(good), ski(good)});
  EXPECT_EQ(Judge(), "PROFILE");
  builder.ski = ski(good);
  EXPECT_EQ(Judge(), "good");
}

TEST_F(OrganisationProfile, WantsAnAuthorityKeyIdentifierOfOnlyA8OctetKeyIdentifier) {
  const Bytes good = builder.aki;
  builder.aki = {};
  EXPECT_EQ(Judge(), "PROFILE");
  builder.aki = Ext("2.5.29.35", Hex("300a80084f5688d7ec933be2"), true);
  EXPECT_EQ(Judge(), "PROFILE");
  for (const char* bad :
       {"300980074f5688d7ec933b", "300d80084f5688d7ec933be2820101", "3000", "3003820101"}) {
    builder.aki = Ext("2.5.29.35", Hex(bad), false);
    EXPECT_EQ(Judge(), "PROFILE") << bad;
  }
  builder.aki = good;
  EXPECT_EQ(Judge(), "good");
}

TEST_F(OrganisationProfile, WantsExactlyThisEnvironmentsPolicyCritical) {
  const Bytes ours = Seq({Oid(kPolicy)});
  const Bytes other = Seq({Oid("1.2.826.0.1.1800000.1.2.1.4")});
  const Bytes qualified = Seq({Oid(kPolicy), Seq({Seq({Oid("1.3.6.1.5.5.7.2.2"), Seq({})})})});
  builder.policies = {};
  EXPECT_EQ(Judge(), "PROFILE");
  builder.policies = Ext("2.5.29.32", Seq({ours}), false);
  EXPECT_EQ(Judge(), "PROFILE");
  for (const Bytes& bad : {Seq({other}), Seq({ours, other}), Seq({qualified}), Seq({})}) {
    builder.policies = Ext("2.5.29.32", bad, true);
    EXPECT_EQ(Judge(), "PROFILE") << ToHex(bad);
  }
  builder.policies = Ext("2.5.29.32", Seq({ours}), true);
  EXPECT_EQ(Judge(), "good");
}

TEST_F(OrganisationProfile, RefusesCriticalExtensionsItDoesNotKnow) {
  builder.more_extensions = Ext("1.2.3.4", Hex("0500"), true);
  EXPECT_EQ(Judge(), "PROFILE");
  builder.more_extensions = Ext("2.5.29.37", Seq({Oid("1.3.6.1.5.5.7.3.1")}), true);
  EXPECT_EQ(Judge(), "PROFILE");
  builder.more_extensions = Ext("1.2.3.4", Hex("0500"), false);
  EXPECT_EQ(Judge(), "good");
}

// RFC 5280 appendix A.1: ub-common-name.
TEST_F(OrganisationProfile, WantsACnOf1To64CharactersWithoutControlCharacters) {
  const auto named = [&](const Bytes& value) {
    builder.subject = Seq({Rdn("2.5.4.3", value), Rdn("2.5.4.11", Utf8("02")),
                           Rdn("2.5.4.45", Hex("03090090b3d51f30010000"))});
    return Judge();
  };
  std::string wide;
  for (int i = 0; i < 64; ++i) wide += "\xC3\xA9";
  EXPECT_EQ(named(Utf8("A")), "good");
  EXPECT_EQ(named(Printable(std::string(64, 'a'))), "good");
  EXPECT_EQ(named(Utf8(wide)), "good") << "64 characters of two octets";
  for (const std::string& bad :
       {std::string(), std::string(65, 'a'), wide + "a", std::string("a\0b", 3),
        std::string("a\nb"), std::string("a\x7F"), std::string("a\xC2\x9B")}) {
    EXPECT_EQ(named(Utf8(bad)), "PROFILE") << bad;
  }
}

TEST_F(OrganisationProfile, WantsASubjectAltNameThatCanBeRead) {
  const auto with = [&](const Bytes& value) {
    builder.more_extensions = Ext("2.5.29.17", value, false);
    return Judge();
  };
  const Bytes dns = Tlv(0x82, Hex("61"));
  EXPECT_EQ(with(Seq({dns})), "good");
  for (const Bytes& bad : {Bytes{}, Seq({}), Hex("ff"), Join({Seq({dns}), Hex("00")}),
                           Seq({Hex("0500")}), Join({Hex("308103"), dns})}) {
    EXPECT_EQ(with(bad), "PROFILE") << ToHex(bad);
  }
  const Bytes module = HardwareModuleNames(kTestDevice);
  EXPECT_EQ(with(module), "NOT_ORGANISATION_CERT");
  EXPECT_EQ(with(Join({module, Hex("00")})), "NOT_ORGANISATION_CERT") << "octets after it";
  Bytes loose = Join({Hex("3081"), ToBytes(BytesView(module).subspan(1))});
  EXPECT_EQ(with(loose), "NOT_ORGANISATION_CERT") << "a length in another form";
}

TEST_F(OrganisationProfile, WantsNoPathLengthWithoutACa) {
  builder.basic_constraints = Ext("2.5.29.19", Hex("3003020100"), false);
  EXPECT_EQ(Judge(), "PROFILE");
  builder.basic_constraints = Ext("2.5.29.19", Hex("0500"), false);
  EXPECT_EQ(Judge(), "NOT_ORGANISATION_CERT") << "another reader may see a CA";
}

// RFC 5280 section 4.2.1.9: it may be critical; absent cA is the default, FALSE.
TEST_F(OrganisationProfile, TakesBasicConstraintsOfNoCaCriticalOrNot) {
  builder.basic_constraints = Ext("2.5.29.19", Seq({}), true);
  EXPECT_EQ(Judge(), "good");
  builder.basic_constraints = Ext("2.5.29.19", Seq({}), false);
  EXPECT_EQ(Judge(), "good");
}

TEST_F(OrganisationProfile, RefusesTheSameExtensionTwice) {
  const Bytes one = Ext("1.2.3.4", Hex("0500"), false);
  builder.more_extensions = Join({one, one});
  EXPECT_EQ(Judge(), "PROFILE");
  builder.more_extensions = Join({one, Ext("1.2.3.5", Hex("0500"), false)});
  EXPECT_EQ(Judge(), "good");
}

TEST_F(OrganisationProfile, RefusesUniqueIdFields) {
  builder.unique_ids = Hex("81020000");
  EXPECT_EQ(Judge(), "PROFILE");
  builder.unique_ids = {};
  EXPECT_EQ(Judge(), "good");
}

TEST_F(OrganisationProfile, TellsACaFromAnOrganisation) {
  builder.basic_constraints = Ext("2.5.29.19", Hex("30030101ff"), true);
  EXPECT_EQ(Judge(), "NOT_ORGANISATION_CERT");
  builder.basic_constraints = {};
  builder.key_usage = Ext("2.5.29.15", Hex("03020106"), true);
  EXPECT_EQ(Judge(), "NOT_ORGANISATION_CERT");
  builder.key_usage = Ext("2.5.29.15", Hex("03020780"), true);
  EXPECT_EQ(Judge(), "good");
}

TEST_F(OrganisationProfile, TellsADeviceFromAnOrganisation) {
  const Bytes good = builder.subject;
  builder.subject = Seq({});
  EXPECT_EQ(Judge(), "NOT_ORGANISATION_CERT");
  builder.subject = good;
  const Bytes module = Seq({Oid("1.2.826.0.1.8641679.1.2.2.1"), Hex("040800db1234567890a3")});
  const Bytes other = Tlv(0xa0, Join({Oid("1.3.6.1.5.5.7.8.4"), Tlv(0xa0, module)}));
  builder.more_extensions = Ext("2.5.29.17", Seq({other}), true);
  EXPECT_EQ(Judge(), "NOT_ORGANISATION_CERT");
  builder.more_extensions = {};
  EXPECT_EQ(Judge(), "good");
}

}  // namespace
}  // namespace acb::smki
