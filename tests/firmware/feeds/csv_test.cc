#include "firmware/feeds/csv.h"

#include <gtest/gtest.h>

namespace acb::feeds {
namespace {

const std::vector<std::string> kColumns = {"a", "b"};

std::vector<std::vector<std::string>> ReadAll(std::string_view text) {
  auto reader = CsvReader::Open(text, kColumns);
  EXPECT_TRUE(reader) << (reader ? "" : reader.error().explanation);
  std::vector<std::vector<std::string>> rows;
  while (true) {
    auto row = reader->Next();
    EXPECT_TRUE(row) << (row ? "" : row.error().explanation);
    if (!row || !row->has_value()) return rows;
    rows.push_back({std::string((*row)->Get("a")), std::string((*row)->Get("b"))});
  }
}

using Rows = std::vector<std::vector<std::string>>;

TEST(Csv, ReadsRowsWithEitherLineEndAndWithoutTheLast) {
  EXPECT_EQ(ReadAll("a,b\n1,2\r\n3,4"), (Rows{{"1", "2"}, {"3", "4"}}));
}

TEST(Csv, TakesColumnsInAnyOrder) { EXPECT_EQ(ReadAll("b,a\n1,2\n"), (Rows{{"2", "1"}})); }

TEST(Csv, ReadsQuotedFieldsWithCommasQuotesAndLineBreaks) {
  EXPECT_EQ(ReadAll("a,b\n\"x,\"\"y\"\"\",\"1\n2\"\n"), (Rows{{"x,\"y\"", "1\n2"}}));
}

TEST(Csv, SkipsEmptyLinesAndAByteOrderMark) {
  EXPECT_EQ(ReadAll("\xEF\xBB\xBF"
                    "a,b\n\n1,\n\n"),
            (Rows{{"1", ""}}));
}

TEST(Csv, RefusesAnotherHeader) {
  for (const char* text : {"", "a\n", "a,b,c\n", "a,a\n", "A,b\n", "1,2\n"}) {
    EXPECT_FALSE(CsvReader::Open(text, kColumns)) << text;
  }
}

TEST(Csv, MayLackAnOptionalColumn) {
  for (const auto& [text, has] :
       {std::pair{"a,b,c\n1,2,3\n", true}, {"c,a,b\n3,1,2\n", true}, {"a,b\n1,2\n", false}}) {
    SCOPED_TRACE(text);
    auto reader = CsvReader::Open(text, kColumns, {"c"});
    ASSERT_TRUE(reader);
    EXPECT_EQ(reader->Has("c"), has);
    EXPECT_TRUE(reader->Has("a"));
    const auto row = reader->Next();
    ASSERT_TRUE(row && row->has_value());
    EXPECT_EQ((*row)->Get("b"), "2");
    EXPECT_EQ((*row)->Has("c"), has);
    if (has) {
      EXPECT_EQ((*row)->Get("c"), "3");
    }
  }
  for (const char* text : {"a,c\n", "a,b,d\n", "a,b,c,c\n", "a,b,c,d\n"}) {
    EXPECT_FALSE(CsvReader::Open(text, kColumns, {"c"})) << text;
  }
}

TEST(Csv, NamesTheLineOfABadRowAndGoesOn) {
  auto reader = CsvReader::Open("a,b\n1,2\n3\n\"x\"y,2\n5,6\n", kColumns);
  ASSERT_TRUE(reader);
  EXPECT_TRUE(reader->Next());
  EXPECT_FALSE(reader->Next());
  EXPECT_EQ(reader->line(), 3u);
  EXPECT_FALSE(reader->Next());
  EXPECT_EQ(reader->line(), 4u);
  const auto row = reader->Next();
  ASSERT_TRUE(row && row->has_value());
  EXPECT_EQ((*row)->Get("b"), "6");
  EXPECT_EQ((*row)->line(), 5u);
}

TEST(Csv, ReadsTheRowBehindOneOfTooManyFields) {
  for (const std::size_t commas : {63U, 64U, 65U, 200U}) {
    const std::string text = "a,b\n" + std::string(commas, ',') + "\n5,6\n";
    auto reader = CsvReader::Open(text, kColumns);
    ASSERT_TRUE(reader);
    EXPECT_FALSE(reader->Next()) << commas;
    const auto row = reader->Next();
    ASSERT_TRUE(row && row->has_value()) << commas;
    EXPECT_EQ((*row)->Get("b"), "6");
    EXPECT_EQ((*row)->line(), 3u);
  }
}

TEST(Csv, ReadsAPartOfTheRestWithTheLinesOfTheFile) {
  const auto whole = CsvReader::Open("a,b\n1,2\n3,4\n", kColumns);
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->rest(), "1,2\n3,4\n");
  EXPECT_EQ(whole->next_line(), 2u);
  auto part = whole->Part(whole->rest().substr(4), 3);
  const auto row = part.Next();
  ASSERT_TRUE(row && row->has_value());
  EXPECT_EQ((*row)->Get("b"), "4");
  EXPECT_EQ((*row)->line(), 3u);
  EXPECT_FALSE(part.Next()->has_value());
}

// A plain row is read at one go, another field by field: nobody may see which.
TEST(Csv, ReadsPlainRowsAndOthersBesideThemAlike) {
  EXPECT_EQ(ReadAll("a,b\n1,2\n\"1\",2\n1,\"2\"\r\n1,2\r\n1,2"),
            (Rows{{"1", "2"}, {"1", "2"}, {"1", "2"}, {"1", "2"}, {"1", "2"}}));
  EXPECT_EQ(ReadAll("a,b\n1\r,\r2\n"), (Rows{{"1\r", "\r2"}})) << "a lone CR is a character";
  const std::string longest(kMaxFieldOctets, 'x');
  EXPECT_EQ(ReadAll("a,b\n1," + longest + "\n"), (Rows{{"1", longest}}));
}

TEST(Csv, RefusesZeroOctetsOpenQuotesAndLongFields) {
  const std::string zero("a,b\n1,\0\n", 8);
  const std::string long_field = "a,b\n1," + std::string(kMaxFieldOctets + 2, 'x') + "\n";
  const std::string many = "a,b\n" + std::string(1000, ',') + "\n";
  for (const std::string& text : {zero, std::string("a,b\n1,\"2\n"), long_field, many}) {
    auto reader = CsvReader::Open(text, kColumns);
    ASSERT_TRUE(reader);
    EXPECT_FALSE(reader->Next());
  }
}

}  // namespace
}  // namespace acb::feeds
