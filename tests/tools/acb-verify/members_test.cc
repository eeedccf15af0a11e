#include "tools/acb-verify/members.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <optional>
#include <string>

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

std::string Nested(int levels) {
  std::string text = R"({"a":)";
  for (int level = 1; level < levels; ++level) text += "[";
  text += R"("x")";
  return text + std::string(static_cast<std::size_t>(levels - 1), ']') + "}";
}

TEST(CanonicalMembers, AreReadToALimitedDepth) {
  EXPECT_TRUE(ParseCanonical(Nested(kMaxLevels)));
  EXPECT_FALSE(ParseCanonical(Nested(kMaxLevels + 1)));
  EXPECT_FALSE(ParseCanonical(Nested(1'000'000)));
}

// What another reader of JSON takes for an object of ours, if it would be written as it stands.
std::optional<audit::Value> ReadByBoost(const boost::json::value& value) {
  if (value.is_string()) return audit::Value(std::string(value.get_string()));
  if (value.is_bool()) return audit::Value(value.get_bool());
  if (value.is_array()) {
    audit::List list;
    for (const auto& element : value.get_array()) {
      auto read = ReadByBoost(element);
      if (!read) return std::nullopt;
      list.push_back(*std::move(read));
    }
    return audit::Value(std::move(list));
  }
  if (!value.is_object()) return std::nullopt;
  audit::Object object;
  for (const auto& member : value.get_object()) {
    auto read = ReadByBoost(member.value());
    if (!read) return std::nullopt;
    object.insert_or_assign(std::string(member.key()), *std::move(read));
  }
  return audit::Value(std::move(object));
}

bool IsCanonicalByBoost(const std::string& text) {
  boost::system::error_code error;
  const auto parsed = boost::json::parse(text, error);
  if (error || !parsed.is_object()) return false;
  const auto value = ReadByBoost(parsed);
  return value && audit::CanonicalJson(*value) == text;
}

// A reader of its own is trusted as far as another agrees with it: on entries with one octet
// changed, taken out, put in or doubled.
TEST(CanonicalMembers, AreThoseThatAnotherReaderFindsInTheOneForm) {
  const std::string seeds[] = {
      R"({"a":"1","b":["x",true,[],{}],"c":{"d":"\n\u0001\"\\","e":false},"f":""})",
      "{\"caf\xC3\xA9\":\"\xE2\x82\xAC \xF0\x9F\x94\x92\",\"\xC3\xBC\":\"\\u001f\x7F\"}",
      R"({"index":"7","kind":"refused","sealed":{"mpxn":"00ff"},"time":"2026-11-22T00:00:00.000Z"})"};
  const std::string octets =
      "\"\\{}[],:u01abftnr/ \x01\x1F\x7F\x80\xC3\xA9\xED\xA0\xF4\xFF-9enullTtrue\n";
  int canonical = 0;
  int texts = 0;
  const auto compare = [&](const std::string& text) {
    const auto read = ParseCanonical(text);
    ++texts;
    canonical += read.has_value();
    ASSERT_EQ(read.has_value(), IsCanonicalByBoost(text)) << text;
    if (read) {
      ASSERT_EQ(audit::CanonicalJson(audit::Value(*read)), text);
    }
  };
  for (const std::string& seed : seeds) {
    ASSERT_TRUE(ParseCanonical(seed)) << seed;
    for (std::size_t at = 0; at <= seed.size(); ++at) {
      compare(seed.substr(0, at));
      if (at < seed.size()) compare(seed.substr(0, at) + seed.substr(at + 1));
      if (at < seed.size()) compare(seed.substr(0, at) + seed[at] + seed.substr(at));
      for (const char octet : octets) {
        std::string changed = seed;
        changed.insert(at, 1, octet);
        compare(changed);
        for (const char second : octets) {
          std::string more = changed;
          if (at + 1 < more.size()) more[at + 1] = second;
          compare(more);
        }
      }
    }
  }
  EXPECT_GT(canonical, 1000) << "of " << texts;
  EXPECT_GT(texts - canonical, 1000);
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
