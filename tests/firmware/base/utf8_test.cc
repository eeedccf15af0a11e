#include "firmware/base/utf8.h"

#include <gtest/gtest.h>

namespace acb {
namespace {

constexpr std::string_view kReplaced = "\xEF\xBF\xBD";

TEST(Utf8Prefix, CutsNoCharacterInTwo) {
  const std::string text = "a\xC3\xA9\xE2\x82\xAC";  // 1, 2 and 3 octets
  EXPECT_EQ(Utf8Prefix(text, 0), "");
  EXPECT_EQ(Utf8Prefix(text, 2), "a");
  EXPECT_EQ(Utf8Prefix(text, 3), "a\xC3\xA9");
  EXPECT_EQ(Utf8Prefix(text, 5), "a\xC3\xA9");
  EXPECT_EQ(Utf8Prefix(text, 6), text);
  EXPECT_EQ(Utf8Prefix(text, 100), text);
  EXPECT_EQ(Utf8Prefix("\xE9\xE9\xE9", 2), "\xE9\xE9") << "what is no character is cut anywhere";
}

// RFC 8259 section 8.1.
TEST(WellFormedUtf8, ReplacesWhatBelongsToNoCharacter) {
  const std::string good = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x94\x91";
  EXPECT_EQ(WellFormedUtf8(good), good);
  EXPECT_EQ(WellFormedUtf8(""), "");
  EXPECT_EQ(WellFormedUtf8("caf\xE9,"), "caf" + std::string(kReplaced) + ",") << "Latin-1";
  EXPECT_EQ(WellFormedUtf8("a\xE2\x82"), "a" + std::string(kReplaced) + std::string(kReplaced));
}

}  // namespace
}  // namespace acb
