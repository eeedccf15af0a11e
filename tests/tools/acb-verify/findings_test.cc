#include "tools/acb-verify/findings.h"

#include <gtest/gtest.h>

namespace acb::verify {
namespace {

TEST(WhatIsPrinted, IsVisibleAsciiAndNothingElse) {
  EXPECT_EQ(Printable("as it was: ~!"), "as it was: ~!");
  EXPECT_EQ(Printable("\x1b[2J\n\r\x07\x7f"), R"(\u001b[2J\u000a\u000d\u0007\u007f)");
  EXPECT_EQ(Printable(std::string_view("\0", 1)), R"(\u0000)");
  // Of UTF-8: two, three and four octets; a C1 control; right-to-left override.
  EXPECT_EQ(Printable("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"), R"(\u00e9\u20ac\ud83d\ude00)");
  EXPECT_EQ(Printable("\xC2\x9B\xE2\x80\xAE"), R"(\u009b\u202e)");
  // What is no UTF-8: octet by octet.
  EXPECT_EQ(Printable("\xFF\xC3"), R"(\u00ff\u00c3)");
}

TEST(WhatIsPrinted, EndsNoLineOfItsOwn) {
  Findings findings;
  findings.EntryFails(3, "its kind is 'x\nVERIFIED\n'");
  const std::string text = AsText({{"file", "a\nVERIFIED"}}, findings);
  EXPECT_EQ(text.find("\nVERIFIED"), std::string::npos) << text;
  EXPECT_NE(text.find("FAILED"), std::string::npos);
}

TEST(Verdict, NamesWhatItRestsOn) {
  Findings findings;
  EXPECT_TRUE(AsText({{"file", "a"}}, findings).ends_with("\nVERIFIED\n"));
  findings.Provided("x");
  findings.Provided("y");
  EXPECT_TRUE(
      AsText({{"file", "a"}}, findings).ends_with("\nVERIFIED, provided that x, and that y\n"));
  findings.Fails("z");
  EXPECT_TRUE(AsText({{"file", "a"}}, findings).ends_with("the first one: z\n"));
}

}  // namespace
}  // namespace acb::verify
