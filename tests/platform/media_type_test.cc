// RFC 9110 section 12.5.1, for the forms that a handover's answer has.
#include "platform/media_type.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace acb::platform {
namespace {

constexpr std::array<std::string_view, 3> kOffered = {"application/json", "application/xml",
                                                      "text/xml"};

std::string Choose(std::optional<std::string_view> accept) {
  return std::string(ChooseMediaType(accept, kOffered));
}

TEST(MediaType, IsTheFirstOfferedUnlessTheClientSaysOtherwise) {
  EXPECT_EQ(Choose(std::nullopt), "application/json");
  EXPECT_EQ(Choose(""), "application/json");
  EXPECT_EQ(Choose("*/*"), "application/json");
  EXPECT_EQ(Choose("application/*"), "application/json");
  EXPECT_EQ(Choose("application/json, application/xml"), "application/json");
}

TEST(MediaType, IsTheOneThatIsNamed) {
  EXPECT_EQ(Choose("application/xml"), "application/xml");
  EXPECT_EQ(Choose("Application/XML; charset=utf-8"), "application/xml");
  EXPECT_EQ(Choose("text/xml"), "text/xml");
  EXPECT_EQ(Choose("application/xml, */*"), "application/xml");
  EXPECT_EQ(Choose("*/*, , text/html,text/xml"), "text/xml");
}

TEST(MediaType, IsTheOneWithTheGreatestQuality) {
  EXPECT_EQ(Choose("application/json;q=0.5, application/xml;q=0.6"), "application/xml");
  EXPECT_EQ(Choose("application/json;q=0.6, application/xml;q=0.501"), "application/json");
  EXPECT_EQ(Choose("application/xml;q=0.5, */*"), "application/json");
  EXPECT_EQ(Choose("application/xml; Q = 1.000, */*;q=0.1"), "application/xml");
  EXPECT_EQ(Choose("application/xml;q=0"), "application/json");
  EXPECT_EQ(Choose("application/json;q=0, application/xml;q=0.001"), "application/xml");
}

TEST(MediaType, IsJudgedByTheMostPreciseRange) {
  EXPECT_EQ(Choose("*/*;q=1, application/json;q=0.1, application/xml;q=0.2"), "text/xml");
  EXPECT_EQ(Choose("text/*, application/json;q=0.9"), "text/xml");
}

TEST(MediaType, IsTheFirstOfferedWhenNothingFitsOrTheHeaderIsMalformed) {
  EXPECT_EQ(Choose("text/html"), "application/json");
  for (const char* malformed :
       {"xml", "application/xml;q=2", "application/xml;q=1.0000", "application/xml;q=", "q=1",
        "application/xml;q=0.x", "application/xml;q=1.001", "application/xml;q=05"}) {
    EXPECT_EQ(Choose(malformed), "application/json") << malformed;
  }
  std::string many = "application/xml";
  for (int i = 0; i < 32; ++i) many += ",a/b";
  EXPECT_EQ(Choose(many), "application/json");
}

// RFC 9110 section 5.3.
TEST(ListHeader, TakesSeveralHeadersForOneList) {
  EXPECT_FALSE(ListHeader({{"Host", "x"}}, "Accept"));
  EXPECT_EQ(ListHeader({{"accept", "a/b"}}, "Accept"), "a/b");
  EXPECT_EQ(ListHeader({{"Accept", "text/html"}, {"Host", "x"}, {"ACCEPT", "text/xml"}}, "Accept"),
            "text/html, text/xml");
}

TEST(NamesAnotherCharset, OfXmlJsonAndCsvAlone) {
  for (const char* good :
       {"", "application/xml", "text/xml; charset=utf-8", "text/plain; charset=x", "text/csv",
        "text/csv; charset=utf-8; header=present", "text/csv;charset=\"US-ASCII\"",
        "application/json;charset=\"UTF-8\"", "application/xml; version=1"}) {
    EXPECT_FALSE(NamesAnotherCharset(good)) << good;
  }
  for (const char* bad : {"application/xml; charset=utf-16", "text/xml;Charset=ISO-8859-1",
                          "application/json; charset=", "application/json; v=1; charset=\"utf8\"",
                          "application/xml; charset=utf-8; charset=utf-16",
                          "text/csv; charset=utf-16", "text/csv; charset=windows-1252"}) {
    EXPECT_TRUE(NamesAnotherCharset(bad)) << bad;
  }
}

}  // namespace
}  // namespace acb::platform
