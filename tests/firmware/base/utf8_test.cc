#include "firmware/base/utf8.h"

#include <gtest/gtest.h>

namespace acb {
namespace {

TEST(EscapeControl, LeavesWhatIsShownAsItIs) {
  for (const char* text : {"", "SUPA", "a b;\"c\"", "Soci\xC3\xA9t\xC3\xA9", "\xE2\x82\xAC",
                           "\xF0\x9F\x94\x92", "\\u0041"}) {
    EXPECT_EQ(EscapeControl(text), text);
    EXPECT_FALSE(HasControl(text)) << text;
  }
}

TEST(EscapeControl, WritesOutWhatATerminalWouldObey) {
  using namespace std::string_literals;
  const std::pair<std::string, const char*> texts[] = {
      {"a\x1B[2Jb"s, "a\\u001b[2Jb"},
      {"\0"s, "\\u0000"},
      {"\r\n\t"s, "\\u000d\\u000a\\u0009"},
      {"\x7F"s, "\\u007f"},
      {"\xC2\x9B"s, "\\u009b"},      // CSI in one character
      {"\xE2\x80\xAE"s, "\\u202e"},  // the rest from right to left
      {"\xE2\x81\xA6x"s, "\\u2066x"},
      {"\xE2\x80\xA8"s, "\\u2028"}};
  for (const auto& [text, shown] : texts) {
    EXPECT_EQ(EscapeControl(text), shown);
    EXPECT_TRUE(HasControl(text)) << shown;
  }
}

TEST(EscapeControl, ShowsNoOctetOfWhatIsNoUtf8) {
  EXPECT_EQ(EscapeControl("\x9B\xC0\x80"), "\\u009b\\u00c0\\u0080");
  EXPECT_TRUE(HasControl("\xFF"));
}

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
