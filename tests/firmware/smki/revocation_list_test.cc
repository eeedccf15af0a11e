// Revocation lists: form, numbers, entries (R-SEC3-14, R-SEC3-17, R-SEC3-18).
#include "firmware/smki/revocation_list.h"

#include <gtest/gtest.h>

#include "tests/firmware/smki/builder.h"
#include "tests/support/cpu_time.h"

namespace acb::smki {
namespace {

using namespace testing;

class RevocationListForm : public ::testing::Test {
 protected:
  // The fault's text, or "good".
  std::string Judge() const {
    const auto list = RevocationList::Parse(builder.Build(key));
    if (list) return "good";
    EXPECT_EQ(list.error().reason, Reason::kCrlStale);
    return list.error().explanation;
  }
  bool Refused() const { return Judge() != "good"; }
  RevocationListPtr Parsed() const {
    auto list = RevocationList::Parse(builder.Build(key));
    EXPECT_TRUE(list.has_value());
    return *list;
  }

  TestKey key;
  ListBuilder builder{AuthorityName("07", "T1"), key.point()};
};

TEST_F(RevocationListForm, ReadsTheGoodOne) {
  builder.Revoke(Hex("02021234"));
  const RevocationListPtr list = Parsed();
  EXPECT_EQ(list->issuer(), Name::FromText("CN=T1,OU=07"));
  EXPECT_EQ(list->number().Text(), "5");
  EXPECT_EQ(list->this_update().Iso(), "2026-11-21T11:00:00.000Z");
  EXPECT_EQ(list->next_update().Iso(), "2026-11-22T00:00:00.000Z");
  EXPECT_EQ(list->scope(), RevocationList::Scope::kAll);
  EXPECT_EQ(list->size(), 1u);
  ASSERT_TRUE(list->RevokedAt(Hex("1234")));
  EXPECT_EQ(list->RevokedAt(Hex("1234"))->Iso(), "2026-01-01T00:00:00.000Z");
  EXPECT_FALSE(list->RevokedAt(Hex("1235")));
  EXPECT_TRUE(list->VerifyBy(key.point()));
  EXPECT_FALSE(list->VerifyBy(TestKey().point()));
  EXPECT_EQ(list->Label(),
            "list number 5 of CN=T1,OU=07, thisUpdate 2026-11-21T11:00:00.000Z, nextUpdate "
            "2026-11-22T00:00:00.000Z");
}

TEST_F(RevocationListForm, WantsStrictDer) {
  Bytes der = builder.Build(key);
  EXPECT_TRUE(RevocationList::Parse(der));
  der.push_back(0);
  EXPECT_FALSE(RevocationList::Parse(der));
  der.pop_back();
  for (std::size_t size = 0; size < der.size(); ++size) {
    EXPECT_FALSE(RevocationList::Parse(BytesView(der).first(size))) << size;
  }
}

TEST_F(RevocationListForm, WantsVersion2) {
  builder.version = {};
  EXPECT_TRUE(Refused());
  builder.version = Hex("020100");
  EXPECT_TRUE(Refused());
}

TEST_F(RevocationListForm, WantsEcdsaWithSha256) {
  builder.algorithm = Hex("300a06082a8648ce3d040303");
  EXPECT_TRUE(Refused());
  builder.algorithm = Hex("300c06082a8648ce3d0403020500");
  EXPECT_TRUE(Refused());
}

TEST_F(RevocationListForm, WantsNextUpdate) {
  builder.next_update = {};
  EXPECT_TRUE(Refused());
  builder.next_update = Time("20271122000000Z");  // GeneralizedTime before 2050
  EXPECT_TRUE(Refused());
}

TEST_F(RevocationListForm, WantsANumber) {
  builder.number = {};
  EXPECT_TRUE(Refused());
  builder.number = CrlNumberExtension(Hex("0201ff"));
  EXPECT_TRUE(Refused());
  builder.number = CrlNumberExtension(Hex("02020005"));
  EXPECT_TRUE(Refused());
  builder.number = CrlNumberExtension(Tlv(0x02, Bytes(21, 1)));
  EXPECT_TRUE(Refused());
  builder.number = CrlNumberExtension(Tlv(0x02, Bytes(20, 1)));
  EXPECT_FALSE(Refused());
}

// RFC 5280 sections 5.2.1 and 5.2.3; x509-limbo crl::crlnumber-critical.
TEST_F(RevocationListForm, RefusesANumberOrKeyIdentifierThatIsMarkedCritical) {
  const Bytes number = builder.number;
  builder.number = Ext("2.5.29.20", Hex("020105"), true);
  EXPECT_TRUE(Refused());
  builder.number = number;
  EXPECT_FALSE(Refused());
  builder.aki = Ext("2.5.29.35", Hex("300a80084f5688d7ec933be2"), true);
  EXPECT_TRUE(Refused());
  builder.aki = Ext("2.5.29.35", Hex("300a80084f5688d7ec933be2"), false);
  EXPECT_FALSE(Refused());
}

TEST_F(RevocationListForm, RefusesAnEmptyListOfEntries) {
  builder.entries = Bytes{};
  EXPECT_TRUE(Refused());
  builder.entries.reset();
  EXPECT_FALSE(Refused());
}

TEST_F(RevocationListForm, RefusesDeltasAndParts) {
  builder.more_extensions = Ext("2.5.29.27", Hex("020104"), true);
  EXPECT_TRUE(Refused());
  const auto idp = [](std::string_view hex) { return Ext("2.5.29.28", Hex(hex), true); };
  for (const char* part : {"3004830206c0", "30038401ff", "3000", "3006a004a0028600", "30038501ff",
                           "30068101ff8201ff", "3003810100"}) {
    builder.more_extensions = idp(part);
    EXPECT_TRUE(Refused()) << part;
  }
  builder.more_extensions = idp("30038101ff");
  EXPECT_EQ(Parsed()->scope(), RevocationList::Scope::kUsersOnly);
  builder.more_extensions = idp("30038201ff");
  EXPECT_EQ(Parsed()->scope(), RevocationList::Scope::kAuthoritiesOnly);
}

TEST_F(RevocationListForm, RefusesUnknownCriticalExtensions) {
  builder.more_extensions = Ext("1.2.3.4", Hex("0500"), true);
  EXPECT_TRUE(Refused());
  builder.more_extensions = Ext("1.2.3.4", Hex("0500"), false);
  EXPECT_FALSE(Refused());
}

TEST_F(RevocationListForm, RefusesUnknownCriticalExtensionsOfEntries) {
  builder.Revoke(Hex("020101"), Seq({Ext("1.2.3.4", Hex("0500"), true)}));
  EXPECT_TRUE(Refused());
  builder.entries.reset();
  builder.Revoke(Hex("020101"), Seq({Ext("1.2.3.4", Hex("0500"), false)}));
  EXPECT_FALSE(Refused());
}

TEST_F(RevocationListForm, ListsUnderAnyReasonOrNone) {
  for (const char* reason : {"0a0100", "0a0101", "0a0106", "0a0107", "0a0108", "0a0163"}) {
    builder.entries.reset();
    builder.Revoke(Hex("02021234"), Seq({Ext("2.5.29.21", Hex(reason), false)}));
    EXPECT_TRUE(Parsed()->Lists(Hex("1234"))) << reason;
    EXPECT_FALSE(Parsed()->Lists(Hex("1235"))) << reason;
  }
}

TEST_F(RevocationListForm, ComparesSerialNumbersAsNumbers) {
  builder.Revoke(Hex("020400001234"));  // padded
  builder.Revoke(Hex("02020080"));
  const RevocationListPtr list = Parsed();
  EXPECT_TRUE(list->Lists(Hex("1234")));
  EXPECT_TRUE(list->Lists(Hex("0080")));
  EXPECT_FALSE(list->Lists(Hex("34")));
  EXPECT_FALSE(list->Lists(Hex("123400")));
  EXPECT_FALSE(list->Lists(Hex("80")));  // -128
}

TEST_F(RevocationListForm, RefusesSerialNumbersNoCertificateHas) {
  builder.Revoke(Hex("0201ff"));
  EXPECT_TRUE(Refused());
  builder.entries.reset();
  builder.Revoke(Tlv(0x02, Bytes(21, 0x11)));
  EXPECT_TRUE(Refused());
}

TEST(CrlNumber, IsANumber) {
  const auto number = [](std::string_view hex) { return CrlNumber::FromInteger(Hex(hex)).value(); };
  EXPECT_LT(number("05"), number("06"));
  EXPECT_LT(number("7f"), number("0080"));
  EXPECT_LT(number("00ff"), number("0100"));
  EXPECT_EQ(number("0005"), number("05"));
  EXPECT_EQ(number("00ffffffffffffffff").Text(), "18446744073709551615");
  EXPECT_EQ(number("010000000000000000").Text(), "0x0000000000000000000000010000000000000000");
}

// F10 (reliability.md): 100,000 entries add less than 5 ms to a request. A look-up takes
// microseconds; the bound here is wide enough for a slow machine and a sanitizer.
TEST_F(RevocationListForm, FindsAmong100000EntriesQuickly) {
  constexpr std::uint32_t kEntries = 100'000;
  Bytes entries;
  for (std::uint32_t i = 0; i < kEntries; ++i) {
    ByteWriter serial;
    serial.U8(0x02).U8(5).U8(0x40).U32(i * 2);
    const Bytes entry = Seq({serial.bytes(), Time("260101000000Z")});
    entries.insert(entries.end(), entry.begin(), entry.end());
  }
  builder.entries = std::move(entries);
  const RevocationListPtr list = Parsed();
  EXPECT_EQ(list->size(), kEntries);
  const double start = acb::testing::CpuSeconds();
  for (std::uint32_t i = 0; i < 1000; ++i) {
    ByteWriter serial;
    serial.U8(0x40).U32(i);
    EXPECT_EQ(list->Lists(serial.bytes()), i % 2 == 0);
  }
  EXPECT_LT(acb::testing::CpuSeconds() - start, 1.0);  // 1000 look-ups
}

}  // namespace
}  // namespace acb::smki
