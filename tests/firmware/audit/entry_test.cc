#include "firmware/audit/entry.h"

#include <gtest/gtest.h>

#include <type_traits>

#include "tests/fakes/salts.h"

namespace acb::audit {
namespace {

// A number or pointer would silently become `true`; 64-bit values are decimal strings.
static_assert(!std::is_constructible_v<Value, int>);
static_assert(!std::is_constructible_v<Value, std::uint64_t>);
static_assert(!std::is_constructible_v<Value, double>);
static_assert(!std::is_constructible_v<Value, const void*>);
static_assert(std::is_constructible_v<Value, bool>);

std::string Text(std::string_view text) { return CanonicalJson(Value(text)); }

TEST(CanonicalJson, WritesObjectsSortedAndWithoutWhiteSpace) {
  Object inner;
  inner.emplace("b", false);
  inner.emplace("a", "x");
  Object outer;
  outer.emplace("z", List{Value("1"), Value(true), Value(List{}), Value(Object{})});
  outer.emplace("\xc3\xa9", "e acute sorts behind ASCII");
  outer.emplace("Z", std::move(inner));
  outer.emplace("", "empty name first");
  EXPECT_EQ(CanonicalJson(Value(std::move(outer))),
            R"({"":"empty name first","Z":{"a":"x","b":false},"z":["1",true,[],{}],)"
            "\"\xc3\xa9\":\"e acute sorts behind ASCII\"}");
}

// RFC 8785 section 3.2.2.2.
TEST(CanonicalJson, EscapesWhatTheRfcEscapesAndNothingElse) {
  EXPECT_EQ(Text("\"\\\b\f\n\r\t"), R"("\"\\\b\f\n\r\t")");
  EXPECT_EQ(Text(std::string_view("\0\x01\x0b\x0e\x1f", 5)), R"("\u0000\u0001\u000b\u000e\u001f")");
  EXPECT_EQ(Text("/<>&'\x7f"), "\"/<>&'\x7f\"");
  EXPECT_EQ(Text("\xe2\x80\xa8 \xc2\xa3"), "\"\xe2\x80\xa8 \xc2\xa3\"");
}

TEST(CanonicalJson, EscapesNamesAsItEscapesText) {
  Object object;
  object.emplace("a\"\n", "b");
  EXPECT_EQ(CanonicalJson(Value(std::move(object))), R"({"a\"\n":"b"})");
}

TEST(CanonicalJson, KeepsWellFormedUtf8OfEveryLength) {
  for (const std::string_view text :
       {"\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf",
        "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_EQ(Text(text), "\"" + std::string(text) + "\"");
  }
}

TEST(CanonicalJson, ReplacesEachIllFormedOctet) {
  constexpr std::string_view kReplacement = "\xef\xbf\xbd";
  const auto replaced = [&](std::size_t count, std::string_view rest = "") {
    std::string text = "\"";
    for (std::size_t i = 0; i < count; ++i) text.append(kReplacement);
    return text.append(rest).append("\"");
  };
  EXPECT_EQ(Text("\x80"), replaced(1));
  EXPECT_EQ(Text("\xff"), replaced(1));
  EXPECT_EQ(Text("\xc3"), replaced(1));                 // cut off
  EXPECT_EQ(Text("\xe2\x82"), replaced(2));             // cut off
  EXPECT_EQ(Text("\xf0\x9f\x98"), replaced(3));         // cut off
  EXPECT_EQ(Text("\xc0\xaf"), replaced(2));             // overlong
  EXPECT_EQ(Text("\xe0\x9f\xbf"), replaced(3));         // overlong
  EXPECT_EQ(Text("\xf0\x8f\xbf\xbf"), replaced(4));     // overlong
  EXPECT_EQ(Text("\xed\xa0\x80"), replaced(3));         // surrogate
  EXPECT_EQ(Text("\xf4\x90\x80\x80"), replaced(4));     // above U+10FFFF
  EXPECT_EQ(Text("\xf5\x80\x80\x80"), replaced(4));     // above U+10FFFF
  EXPECT_EQ(Text("\xc3\"x"), replaced(1, "\\\"x"));     // the quote after it is still escaped
  EXPECT_EQ(Text("\xe2\x82\nx"), replaced(2, "\\nx"));  // and the line feed
}

// What one thread prepares another ends: the octets are those of an entry written in one go.
TEST(PreparedEntry, IsTheEntryAtWhateverIndexItGets) {
  Entry entry("signed", UtcTime(0));
  entry.Set("acb", "x").Set("zone", List{Value("y")}).Seal("mpxn", "1234");
  const auto salt = [] { return Salt{7}; };
  const PreparedEntry prepared = entry.Prepare(salt);
  for (const std::uint64_t index : {std::uint64_t{0}, std::uint64_t{9}, ~std::uint64_t{0}}) {
    const SerialisedEntry whole = entry.Serialise(index, salt);
    EXPECT_EQ(prepared.At(index).octets, whole.octets);
    EXPECT_EQ(prepared.At(index).disclosure, whole.disclosure);
    EXPECT_NE(whole.octets.find("\"index\":\"" + std::to_string(index) + "\""), std::string::npos);
  }
}

TEST(PreparedEntry, StandsItsOwnMembersInPlaceOfTheCallers) {
  Entry plain("start", UtcTime(0));
  plain.Set("acb", "x").Set("zone", "y");
  Entry crowded = plain;
  crowded.Set("index", "0").Set("environment", "live");
  Entry marked = plain;
  marked.Set("environment", "test");
  EXPECT_EQ(crowded.Prepare(testing::NoSalt, "test").At(5).octets,
            marked.Prepare(testing::NoSalt).At(5).octets);
}

TEST(Entry, SerialisesWithKindTimeAndIndex) {
  Entry entry("refused", *UtcTime::FromIso("2026-11-21T12:00:00.5Z"));
  entry.Set("reason", "REPLAY").Set("dry", true);
  EXPECT_EQ(entry.Serialise(18446744073709551615u, testing::NoSalt).octets,
            R"({"dry":true,"index":"18446744073709551615","kind":"refused","reason":"REPLAY",)"
            R"("time":"2026-11-21T12:00:00.500Z"})");
}

TEST(Entry, TakesItsIndexWithEachSerialisation) {
  const Entry entry("start", UtcTime(0));
  EXPECT_NE(entry.Serialise(1, testing::NoSalt).octets, entry.Serialise(2, testing::NoSalt).octets);
  EXPECT_EQ(entry.Serialise(1, testing::NoSalt).octets, entry.Serialise(1, testing::NoSalt).octets);
}

TEST(Entry, LastValueOfANameStands) {
  Entry entry("anchor", UtcTime(0));
  entry.Set("a", "1").Set("a", "2");
  EXPECT_EQ(entry.Serialise(0, testing::NoSalt).octets,
            R"({"a":"2","index":"0","kind":"anchor","time":"1970-01-01T00:00:00.000Z"})");
}

TEST(Entry, LeavesOutWhatIsEmptyOnRequest) {
  Entry entry("anchor", UtcTime(0));
  entry.SetIfAny("a", "").SetIfAny("b", "x");
  EXPECT_EQ(entry.Serialise(0, testing::NoSalt).octets,
            R"({"b":"x","index":"0","kind":"anchor","time":"1970-01-01T00:00:00.000Z"})");
}

Salt SaltOf(std::uint8_t octet) {
  Salt salt;
  salt.fill(octet);
  return salt;
}

// The value is that of: printf '["mpxn","%s","1312345678111"]' 0101... | sha256sum.
TEST(SealedField, IsTheHashOfNameSaltAndValue) {
  EXPECT_EQ(ToHex(SealHash("mpxn", SaltOf(1), "1312345678111")),
            "46816ceaf8c0a234e754b06a85ab4176452de0e20ed611516de8a0bbbff17a75");
}

TEST(SealedField, LeavesItsHashInTheEntryAndTheRestInTheDisclosure) {
  Entry entry("refused", UtcTime(0));
  entry.Seal("mpxn", "1312345678111").SealIfAny("explanation", "").SealIfAny("b", "x");
  std::uint8_t next = 0;
  const SerialisedEntry written = entry.Serialise(5, [&] { return SaltOf(++next); });
  EXPECT_EQ(written.octets, R"({"index":"5","kind":"refused","sealed":{"b":")" +
                                ToHex(SealHash("b", SaltOf(1), "x")) + R"(","mpxn":")" +
                                ToHex(SealHash("mpxn", SaltOf(2), "1312345678111")) +
                                R"("},"time":"1970-01-01T00:00:00.000Z"})");
  EXPECT_EQ(written.disclosure,
            R"({"index":"5","sealed":{"b":{"salt":"01010101010101010101010101010101","value":"x"},)"
            R"("mpxn":{"salt":"02020202020202020202020202020202","value":"1312345678111"}}})");
}

TEST(SealedField, NoneMeansNoDisclosure) {
  EXPECT_EQ(Entry("anchor", UtcTime(0)).Serialise(0, testing::NoSalt).disclosure, "");
}

// Whoever has the leaf alone cannot try who did it, and when (R-SEC3-69).
TEST(SealedField, HasASaltInEveryEntryThatThePanelDoesNotSee) {
  const Entry entries[] = {Entry("start", UtcTime(0)),
                           Entry("operator", UtcTime(0)).Set("act", "x"),
                           Entry("released", UtcTime(0)).Set("operators", List{"a", "b"}),
                           Entry("abandoned", UtcTime(0)).Set("explanation", "x")};
  for (const Entry& entry : entries) {
    const SerialisedEntry written = entry.Serialise(5, [] { return SaltOf(1); });
    EXPECT_NE(written.octets.find(R"("sealed":{"blind":")" +
                                  ToHex(SealHash("blind", SaltOf(1), "")) + "\"}"),
              std::string::npos)
        << written.octets;
    EXPECT_EQ(written.disclosure,
              R"({"index":"5","sealed":{"blind":{"salt":"01010101010101010101010101010101",)"
              R"("value":""}}})");
  }
  for (const char* kind : {"released", "abandoned", "signed", "anchor"}) {
    EXPECT_EQ(Entry(kind, UtcTime(0)).Serialise(5, testing::NoSalt).disclosure, "") << kind;
  }
}

// RFC 6962 section 2.1; the values are those of the Certificate Transparency project's own tests.
TEST(LeafHash, IsThatOfRfc6962) {
  EXPECT_EQ(ToHex(LeafHash("")),
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
  EXPECT_EQ(ToHex(LeafHash("L123456")),
            "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56");
}

}  // namespace
}  // namespace acb::audit
