#include "firmware/base/ascii.h"

#include <gtest/gtest.h>

namespace acb {
namespace {

TEST(LowerCase, ChangesTheLettersOfAsciiAndNothingElse) {
  EXPECT_EQ(LowerCase(std::string_view("Content-Type: AZaz@[`{09")), "content-type: azaz@[`{09");
  EXPECT_EQ(LowerCase(std::string_view("\xC3\x89t\xC3\x89")), "\xC3\x89t\xC3\x89");
  EXPECT_EQ(LowerCase(std::string_view("\0A", 2)), std::string("\0a", 2));
  EXPECT_EQ(LowerCase(std::string_view()), "");
}

TEST(SameIgnoringCase, TellsTextsApartThatDifferInMoreThanCase) {
  EXPECT_TRUE(SameIgnoringCase("Accept", "aCCEPT"));
  EXPECT_TRUE(SameIgnoringCase("", ""));
  EXPECT_FALSE(SameIgnoringCase("Accept", "Accep"));
  EXPECT_FALSE(SameIgnoringCase("[", "{")) << "32 apart, and no letters";
  EXPECT_FALSE(SameIgnoringCase("\xC9", "\xE9")) << "Latin-1 letters are not ASCII's";
}

}  // namespace
}  // namespace acb
