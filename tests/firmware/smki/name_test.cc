// Names: RFC 4514 text, comparison (RFC 5280 section 7.1).
#include <gtest/gtest.h>

#include "firmware/smki/name_der.h"
#include "tests/firmware/smki/builder.h"

namespace acb::smki {
namespace {

using namespace testing;

Name FromDer(const Bytes& der) {
  const auto name = ParseName(der);
  EXPECT_TRUE(name.has_value());
  return name.value_or(Name{});
}

TEST(Name, TextIsInReverseOrderOfTheEncoding) {
  EXPECT_EQ(FromDer(AuthorityName("07", "Z1")).Text(), "CN=Z1,OU=07");
}

TEST(Name, TextOfXmlFilesIsTheIssuerOfTheEncoding) {
  const Name encoded = FromDer(AuthorityName("07", "Z1"));
  for (const char* text : {"CN=Z1,OU=07", "CN=Z1, OU=07", "cn=z1,ou=07", " CN = Z1 , OU = 07 ",
                           "2.5.4.3=Z1,2.5.4.11=07", "CN=\\5a1,OU=07"}) {
    const auto name = Name::FromText(text);
    ASSERT_TRUE(name.has_value()) << text;
    EXPECT_EQ(*name, encoded) << text;
    EXPECT_EQ(name->Key(), encoded.Key()) << text;
  }
}

// RFC 4514 section 2.4.
TEST(Name, AValueMayBeWrittenAsItsDer) {
  const Name encoded = FromDer(AuthorityName("07", "Z1"));
  for (const char* text : {"CN=#0c025a31,OU=07", "CN=#13025A31,OU=#13023037",
                           "CN= #0c025a31 ,OU=07", "2.5.4.3=#0c055a3120203120"}) {
    const auto name = Name::FromText(text);
    ASSERT_TRUE(name.has_value()) << text;
    EXPECT_EQ(*name == encoded, std::string_view(text).starts_with("CN=")) << text;
  }
  // A wrong length, an octet too many, no text, another value.
  for (const char* text : {"CN=#0c035a31,OU=07", "CN=#0c025a3100,OU=07", "CN=#04025a31,OU=07",
                           "CN=#0c025a32,OU=07", "CN=#5a31,OU=07"}) {
    EXPECT_NE(Name::FromText(text), encoded) << text;
  }
  EXPECT_FALSE(Name::FromText("CN=#0c00,OU=07")) << "as an empty text";
}

TEST(Name, AnotherOrderOrValueIsAnotherName) {
  const Name encoded = FromDer(AuthorityName("07", "Z1"));
  for (const char* text : {"OU=07,CN=Z1", "CN=Z2,OU=07", "CN=Z1", "CN=Z1,OU=07,O=x", "CN=Z1,OU=7",
                           "L=Z1,OU=07", "CN=Z 1,OU=07"}) {
    const auto name = Name::FromText(text);
    ASSERT_TRUE(name.has_value()) << text;
    EXPECT_NE(*name, encoded) << text;
    EXPECT_NE(name->Key(), encoded.Key()) << text;
  }
}

TEST(Name, JunkIsNoName) {
  for (const char* text :
       {"",          " ",       "Z1",           "CN",        "CN=",         "=Z1",
        "CN=Z1,",    ",CN=Z1",  "CN=Z1,,OU=07", "XX=Z1",     "CN=Z1;OU=07", "CN=Z1+OU=07",
        "CN=\"Z1\"", "CN=a\\",  "CN=a\\q",      "CN=<Z1>",   "CN=a\nOU=07", "1=Z1",
        "1.=Z1",     ".1=Z1",   "01.2=Z1",      "2.5..4=Z1", "CN=#0",       "CN=#zz",
        "CN=#",      "CN=\\ff", "CN=\xff"}) {
    EXPECT_FALSE(Name::FromText(text).has_value()) << text;
  }
  EXPECT_TRUE(Name::FromText("CN=" + std::string(1021, 'a')).has_value());
  EXPECT_FALSE(Name::FromText("CN=" + std::string(1022, 'a')).has_value());
}

TEST(Name, PrintableStringAndUtf8StringOfTheSameCharactersAreEqual) {
  const Name printable = FromDer(Seq({Rdn("2.5.4.3", Printable("A  b"))}));
  EXPECT_EQ(printable, FromDer(Seq({Rdn("2.5.4.3", Utf8(" a B "))})));
  EXPECT_NE(printable, FromDer(Seq({Rdn("2.5.4.3", Utf8("ab"))})));
  EXPECT_NE(printable, FromDer(Seq({Rdn("2.5.4.3", Tlv(0x16, AsBytes("A b")))})));  // IA5String
}

TEST(Name, EscapesKeepApartWhatLooksAlike) {
  const Name one = FromDer(Seq({Rdn("2.5.4.3", Utf8("a,OU=07"))}));
  EXPECT_EQ(one.Text(), "CN=a\\,OU=07");
  EXPECT_EQ(Name::FromText(one.Text()), one);
  EXPECT_NE(Name::FromText("CN=a,OU=07"), one);
  // A text that looks like the hex form is not the value it names.
  const Name hex_text = FromDer(Seq({Rdn("2.5.4.45", Utf8("#0301"))}));
  const Name bits = FromDer(Seq({Rdn("2.5.4.45", Hex("030100"))}));
  EXPECT_EQ(hex_text.Text(), "2.5.4.45=\\#0301");
  EXPECT_EQ(bits.Text(), "2.5.4.45=#030100");
  EXPECT_EQ(Name::FromText(bits.Text()), bits);
  EXPECT_EQ(Name::FromText(hex_text.Text()), hex_text);
}

TEST(Name, ControlCharactersNeverReachTheText) {
  const Name name = FromDer(Seq({Rdn("2.5.4.3", Utf8(std::string("a\n\x1b[2J\0z", 8)))}));
  EXPECT_EQ(name.Text(), "CN=a\\0a\\1b[2J\\00z");
}

TEST(Name, TwoAttributesInOneRdnAreNotTwoRdns) {
  const Bytes ou = Seq({Oid("2.5.4.11"), Utf8("07")});
  const Bytes cn = Seq({Oid("2.5.4.3"), Utf8("Z1")});
  const Name joined = FromDer(Seq({Tlv(0x31, Join({cn, ou}))}));
  const Name apart = FromDer(Seq({Tlv(0x31, cn), Tlv(0x31, ou)}));
  EXPECT_NE(joined, apart);
  EXPECT_EQ(joined.Text(), "OU=07+CN=Z1");
}

TEST(Name, AnotherStructureIsNoName) {
  EXPECT_FALSE(ParseName(Tlv(0x31, Bytes{})).has_value());
  EXPECT_FALSE(ParseName(Seq({Tlv(0x31, Bytes{})})).has_value());
  EXPECT_FALSE(ParseName(Seq({Tlv(0x31, Seq({Oid("2.5.4.3")}))})).has_value());
  EXPECT_TRUE(ParseName(Seq({})).has_value());
}

}  // namespace
}  // namespace acb::smki
