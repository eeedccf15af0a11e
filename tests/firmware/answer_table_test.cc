// R-063-10.
#include "firmware/answer_table.h"

#include <gtest/gtest.h>

#include "firmware/duis/response_code.h"
#include "tests/support/shared.h"

namespace acb {
namespace {

constexpr std::string_view kHeader = "reason,response_code,sentence\n";

Result<AnswerTable> Read(const std::string& rows) {
  return AnswerTable::Parse(std::string(kHeader) + rows, "codes.csv");
}

std::string ErrorOf(const Result<AnswerTable>& table) {
  if (table) return "accepted";
  EXPECT_EQ(table.error().reason, Reason::kConfiguration);
  return table.error().explanation;
}

TEST(AnswerTable, HasTheBuiltInAnswerOfEveryReason) {
  const AnswerTable table;
  for (const ReasonInfo& info : AllReasons()) {
    EXPECT_EQ(table.Of(info.reason).response_code, info.duis_code) << info.name;
    EXPECT_EQ(table.Of(info.reason).sentence, info.sentence) << info.name;
    EXPECT_TRUE(duis::IsResponseCode(info.duis_code)) << info.name;
  }
}

TEST(AnswerTable, ReplacesCodeAndSentenceOfTheReasonsThatAFileNames) {
  const auto table = Read(
      "NO_NOT_REGISTERED,E062105,\"Not the operator's, so \"\"no\"\".\"\n"
      "CERT_REVOKED,E062101,\n");
  ASSERT_TRUE(table) << table.error().explanation;
  EXPECT_EQ(table->Of(Reason::kNoNotRegistered).response_code, "E062105");
  EXPECT_EQ(table->Of(Reason::kNoNotRegistered).sentence, "Not the operator's, so \"no\".");
  EXPECT_EQ(table->Of(Reason::kCertRevoked).response_code, "E062101");
  EXPECT_EQ(table->Of(Reason::kCertRevoked).sentence, Describe(Reason::kCertRevoked).sentence);
  EXPECT_EQ(table->Of(Reason::kNoUnmapped).response_code, Describe(Reason::kNoUnmapped).duis_code);
}

TEST(AnswerTable, TakesColumnsInAnyOrder) {
  const auto table = AnswerTable::Parse("sentence,reason,response_code\n,CHAIN,E40\n", "codes.csv");
  ASSERT_TRUE(table) << table.error().explanation;
  EXPECT_EQ(table->Of(Reason::kChain).response_code, "E40");
}

TEST(AnswerTable, ReadsItsOwnFileBack) {
  const auto table = Read("CHAIN,E71,\"With a \"\"quote\"\", and a comma.\"\n");
  ASSERT_TRUE(table);
  const auto again = AnswerTable::Parse(table->Csv(), "codes.csv");
  ASSERT_TRUE(again) << again.error().explanation;
  for (const ReasonInfo& info : AllReasons()) {
    EXPECT_EQ(again->Of(info.reason).response_code, table->Of(info.reason).response_code);
    EXPECT_EQ(again->Of(info.reason).sentence, table->Of(info.reason).sentence);
  }
}

TEST(AnswerTable, RefusesWhatItCannotMeanAndNamesFileAndLine) {
  EXPECT_EQ(ErrorOf(Read("CHAIN,E40,\nNO_SUCH,E40,\n")),
            "codes.csv:3: there is no reason 'NO_SUCH'");
  EXPECT_EQ(ErrorOf(Read("chain,E40,\n")), "codes.csv:2: there is no reason 'chain'");
  EXPECT_EQ(ErrorOf(Read("CHAIN,E39,\n")),
            "codes.csv:2: 'E39' is not a response code of the DUIS schema V5.4");
  EXPECT_EQ(ErrorOf(Read("CHAIN,,\n")),
            "codes.csv:2: '' is not a response code of the DUIS schema V5.4");
  EXPECT_EQ(ErrorOf(Read("CHAIN,E40,\n\nCHAIN,E40,\n")), "codes.csv:4: this reason is in line 2");
  EXPECT_EQ(ErrorOf(Read("CHAIN,E40\n")), "codes.csv:2: the row has 2 fields, the header 3");
  EXPECT_EQ(ErrorOf(Read("CHAIN,E40,\"a\nb\"\n")),
            "codes.csv:2: the sentence is not one line of at most 500 printable ASCII characters");
  EXPECT_EQ(ErrorOf(Read("CHAIN,E40," + std::string(501, 'a') + "\n")),
            "codes.csv:2: the sentence is not one line of at most 500 printable ASCII characters");
  EXPECT_TRUE(Read("CHAIN,E40," + std::string(500, 'a') + "\n"));
  EXPECT_TRUE(ErrorOf(AnswerTable::Parse("", "codes.csv")).starts_with("codes.csv:1: "));
  EXPECT_TRUE(
      ErrorOf(AnswerTable::Parse("reason,code\n", "codes.csv")).starts_with("codes.csv:1: "));
}

// An error of HTTP beside a code that says success would be read either way.
TEST(AnswerTable, GivesNoSuccessCodeToARefusalOrAFault) {
  EXPECT_EQ(ErrorOf(Read("CHAIN,I0,\n")), "codes.csv:2: I0 is no error, and CHAIN is one");
  EXPECT_EQ(ErrorOf(Read("CRL_STALE,I99,\n")),
            "codes.csv:2: I99 is no error, and CRL_STALE is one");
  EXPECT_EQ(ErrorOf(Read("VOLUME_EXCEEDED,I0,\n")),
            "codes.csv:2: I0 says success, and VOLUME_EXCEEDED is none");
  EXPECT_TRUE(Read("VOLUME_EXCEEDED,I99,\n"));
  EXPECT_TRUE(Read("FLOOR_ABSENT,I99,\n"));
}

TEST(ResponseCodes, AreThoseOfTheSchema) {
  EXPECT_TRUE(duis::IsResponseCode("I0"));
  EXPECT_TRUE(duis::IsResponseCode("E062105"));
  EXPECT_FALSE(duis::IsResponseCode("E062104"));  // duis-6.21.md 3.1
  EXPECT_FALSE(duis::IsResponseCode("e1"));
  EXPECT_FALSE(duis::IsResponseCode("E1 "));
  EXPECT_FALSE(duis::IsResponseCode(""));
}

TEST(ResponseCodes, AreExactlyTheEnumerationOfTheXsd) {
  ACB_NEED_SHARED();
  const std::string xsd = testing::ReadText(testing::SharedDir() / "rtds/DUIS Schema V5.4.xsd");
  const std::size_t begin = xsd.find("<xs:simpleType name=\"ResponseCode\">");
  ASSERT_NE(begin, std::string::npos);
  const std::string type = xsd.substr(begin, xsd.find("</xs:simpleType>", begin) - begin);
  std::vector<std::string> codes;
  const std::string key = "enumeration value=\"";
  for (std::size_t at = type.find(key); at != std::string::npos; at = type.find(key, at + 1)) {
    const std::size_t from = at + key.size();
    codes.push_back(type.substr(from, type.find('"', from) - from));
  }
  EXPECT_EQ(codes, std::vector<std::string>(duis::AllResponseCodes().begin(),
                                            duis::AllResponseCodes().end()));
  EXPECT_GT(codes.size(), 100u);
}

}  // namespace
}  // namespace acb
