#include "tools/acb-verify/members.h"

#include <gtest/gtest.h>

namespace acb::verify {
namespace {

TEST(CanonicalMembers, AreReadInTheOneForm) {
  const auto object = ParseCanonical(R"({"a":"1","b":["x",true],"c":{"d":"\n\u0001"}})");
  ASSERT_TRUE(object);
  EXPECT_EQ(TextOf(*object, "a"), "1");
  EXPECT_EQ(NumberOf(*object, "a"), 1U);
  ASSERT_NE(ListOf(*object, "b"), nullptr);
  EXPECT_EQ(ListOf(*object, "b")->size(), 2U);
  ASSERT_NE(ObjectOf(*object, "c"), nullptr);
  EXPECT_EQ(TextOf(*object, "absent"), "");
}

TEST(CanonicalMembers, AreNotReadInAnother) {
  for (const char* text :
       {R"({"b":"1","a":"1"})", R"({ "a":"1"})", R"({"a":"1"} )", R"({"a":"1","a":"1"})",
        R"({"a":1})", R"({"a":null})", R"({"a":"\u0041"})", R"({"a":"\/"})", R"(["a"])", "", "{",
        "{\"a\":\"\xFF\"}", R"({"a":[1]})"}) {
    EXPECT_FALSE(ParseCanonical(text)) << text;
  }
  EXPECT_TRUE(ParseCanonical("{}"));
}

TEST(CanonicalMembers, GiveHashesInLowerCaseOnly) {
  const std::string lower(64, 'a');
  EXPECT_TRUE(DigestFrom(lower));
  EXPECT_FALSE(DigestFrom(std::string(64, 'A')));
  EXPECT_FALSE(DigestFrom(lower.substr(2)));
  EXPECT_FALSE(DigestFrom(""));
}

}  // namespace
}  // namespace acb::verify
