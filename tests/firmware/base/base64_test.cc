#include "firmware/base/base64.h"

#include <gtest/gtest.h>

namespace acb {
namespace {

struct Pair {
  std::string_view text;
  std::string_view base64;
};
// RFC 4648 section 10.
constexpr Pair kRfc4648[] = {{"", ""},
                             {"f", "Zg=="},
                             {"fo", "Zm8="},
                             {"foo", "Zm9v"},
                             {"foob", "Zm9vYg=="},
                             {"fooba", "Zm9vYmE="},
                             {"foobar", "Zm9vYmFy"}};

TEST(Base64, IsThatOfTheRfc) {
  for (const Pair& pair : kRfc4648) {
    EXPECT_EQ(ToBase64(AsBytes(pair.text)), pair.base64);
    const auto bytes = FromBase64(pair.base64);
    ASSERT_TRUE(bytes) << pair.base64;
    EXPECT_EQ(AsText(*bytes), pair.text);
  }
}

TEST(Base64, KeepsEveryOctetAtEveryPlace) {
  Bytes bytes;
  for (int value = 0; value < 256; ++value) bytes.push_back(static_cast<std::uint8_t>(value));
  for (std::size_t skip = 0; skip < 3; ++skip) {
    const Bytes part(bytes.begin() + static_cast<std::ptrdiff_t>(skip), bytes.end());
    EXPECT_EQ(FromBase64(ToBase64(part)), part);
  }
}

TEST(Base64, SkipsXmlWhiteSpace) {
  for (const std::string_view text : {" Zg==", "Z g = =", "Zg\r\n==\n", "\tZg=="}) {
    EXPECT_EQ(FromBase64(text), Bytes{'f'}) << text;
  }
  EXPECT_EQ(FromBase64(" \n"), Bytes{});
}

// duis-6.21.md 4.7: libxml2's schema check lets "!!!" pass.
TEST(Base64, RefusesWhatIsOutsideTheAlphabet) {
  for (const std::string_view text :
       {"!!!", "Zg=!", "Zm9-", "Zm9_", "Zm9v\v", "Zm9v.", "Zg==\xc2\xa0", "\xff\xff\xff\xff"}) {
    EXPECT_FALSE(FromBase64(text)) << text;
  }
}

TEST(Base64, RefusesMissingAndMisplacedPadding) {
  for (const std::string_view text :
       {"Z", "Zg", "Zg=", "Zm8", "Zg===", "Zm8==", "Zm9v=", "Zm9v====", "=",
        "====", "Z===", "Zg==Zg==", "Zg=g", "Zg==Z"}) {
    EXPECT_FALSE(FromBase64(text)) << text;
  }
}

TEST(Base64, RefusesUnusedBitsThatAreNotZero) {
  // "Zg==" is the only text of "f": Zh.. Zv== differ in bits that no octet has.
  for (const std::string_view text : {"Zh==", "Zv==", "Zm9=", "Zm+="}) {
    EXPECT_FALSE(FromBase64(text)) << text;
  }
}

}  // namespace
}  // namespace acb
