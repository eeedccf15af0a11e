#include "platform/report_text.h"

#include <gtest/gtest.h>

namespace acb::platform {
namespace {

TEST(CsvCell, IsQuotedWhereItHasToBeAndNoFormula) {
  EXPECT_EQ(CsvCell("SUPA"), "SUPA");
  EXPECT_EQ(CsvCell("a, \"b\""), "\"a, \"\"b\"\"\"");
  EXPECT_EQ(CsvCell("=1+1"), "'=1+1");
  EXPECT_EQ(CsvCell("-5"), "-5");
}

TEST(CsvCell, HasNoControlCharacter) {
  EXPECT_EQ(CsvCell("a\x1B[2Jb"), "a\\u001b[2Jb");
  EXPECT_EQ(CsvCell("a\r\nb"), "a\\u000d\\u000ab") << "one row stays one line";
  EXPECT_EQ(CsvCell("a\t=1"), "a\\u0009=1");
  EXPECT_EQ(CsvCell("\xE2\x80\xAE"
                    "1"),
            "\\u202e1");
}

TEST(EscapeHtml, HasNoMarkupAndNoControlCharacter) {
  EXPECT_EQ(EscapeHtml("<b>&\"'"), "&lt;b&gt;&amp;&quot;&#39;");
  EXPECT_EQ(EscapeHtml("a\x1B\n"), "a\\u001b\\u000a");
}

}  // namespace
}  // namespace acb::platform
