#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "firmware/gbcs/der_reader.h"
#include "firmware/gbcs/der_writer.h"
#include "tests/firmware/gbcs/vectors.h"

namespace acb::gbcs {
namespace {

using acb::testing::Hex;
using ::testing::HasSubstr;

TEST(DerWriter, WritesLengthsInTheirShortestForm) {
  const auto length = [](std::size_t value) {
    Bytes out;
    AppendLength(value, out);
    return ToHex(out);
  };
  EXPECT_EQ(length(0), "00");
  EXPECT_EQ(length(127), "7f");
  EXPECT_EQ(length(128), "8180");
  EXPECT_EQ(length(255), "81ff");
  EXPECT_EQ(length(256), "820100");
  EXPECT_EQ(length(65535), "82ffff");
  EXPECT_EQ(length(65536), "83010000");
}

struct Encoded {
  std::uint64_t value;
  std::string_view hex;
};
constexpr Encoded kIntegers[] = {{0, "020100"},
                                 {127, "02017f"},
                                 {128, "02020080"},
                                 {200, "020200c8"},
                                 {255, "020200ff"},
                                 {256, "02020100"},
                                 {1301, "02020515"},
                                 {0x8f66, "0203008f66"},
                                 {kMaxSeqNumber, "02087fffffffffffffff"},
                                 {kMaxSeqNumber + 1, "0209008000000000000000"},
                                 {UINT64_MAX, "020900ffffffffffffffff"}};

TEST(DerWriter, WritesIntegersMinimalAndPositive) {
  for (const Encoded& integer : kIntegers)
    EXPECT_EQ(ToHex(DerUnsigned(2, integer.value)), integer.hex);
}

TEST(DerReader, ReadsIntegersBack) {
  for (const Encoded& integer : kIntegers) {
    DerFault fault;
    const Bytes der = Hex(integer.hex);
    DerReader reader(der, LengthForm::kMinimal, fault);
    EXPECT_EQ(reader.Unsigned(2, UINT64_MAX, "n"), integer.value);
    reader.End("n");
    EXPECT_FALSE(fault) << fault.text();
  }
}

// What the strict reader says about one INTEGER up to `max`.
std::string FaultOf(std::string_view hex, std::uint64_t max = UINT64_MAX,
                    LengthForm form = LengthForm::kMinimal) {
  DerFault fault;
  const Bytes octets = Hex(hex);
  DerReader reader(octets, form, fault);
  reader.Unsigned(2, max, "number");
  reader.End("number");
  return fault.text();
}

TEST(DerReader, RefusesIntegersThatAreNotMinimalNegativeOrOutOfRange) {
  for (const LengthForm form : {LengthForm::kMinimal, LengthForm::kAnyDefinite}) {
    EXPECT_THAT(FaultOf("0200", 9, form), HasSubstr("not a minimal INTEGER"));
    EXPECT_THAT(FaultOf("02020005", 9, form), HasSubstr("not a minimal INTEGER"));
    EXPECT_THAT(FaultOf("0201ff", 9, form), HasSubstr("not a minimal INTEGER"));
    EXPECT_THAT(FaultOf("02010a", 9, form), HasSubstr("out of range"));
    EXPECT_THAT(FaultOf("020109", 9, form), "");
    EXPECT_THAT(FaultOf("0209010000000000000000", UINT64_MAX, form), HasSubstr("out of range"));
  }
}

TEST(DerReader, RefusesLengthsThatAreNotMinimalInCommandsOnly) {
  // As devices send: 82 00 83 for 81 83.
  for (const std::string_view padded : {"02 8101 05", "02 820001 05", "02 83000001 05"}) {
    EXPECT_THAT(FaultOf(padded), HasSubstr("length")) << padded;
    EXPECT_EQ(FaultOf(padded, 9, LengthForm::kAnyDefinite), "") << padded;
  }
  EXPECT_EQ(FaultOf("02 01 05"), "");
}

TEST(DerReader, RefusesIndefiniteAndOverlongLengthsAlways) {
  for (const LengthForm form : {LengthForm::kMinimal, LengthForm::kAnyDefinite}) {
    EXPECT_THAT(FaultOf("0280050000", 9, form), HasSubstr("length"));
    EXPECT_THAT(FaultOf("02 850000000001 05", 9, form), HasSubstr("length"));
    EXPECT_THAT(FaultOf("02ff", 9, form), HasSubstr("length"));
  }
}

TEST(DerReader, RefusesWhatIsCutOffTrailsOrHasAnotherTag) {
  EXPECT_THAT(FaultOf(""), HasSubstr("missing"));
  EXPECT_THAT(FaultOf("02"), HasSubstr("length"));
  EXPECT_THAT(FaultOf("0282"), HasSubstr("length"));
  EXPECT_THAT(FaultOf("020201"), HasSubstr("longer than what encloses it"));
  EXPECT_THAT(FaultOf("02 84ffffffff 01", 9, LengthForm::kAnyDefinite), HasSubstr("longer"));
  EXPECT_THAT(FaultOf("02010105"), HasSubstr("after the last element"));
  EXPECT_EQ(FaultOf("030101"), "number: tag 03 where 02 belongs");
}

TEST(DerReader, KeepsTheFirstFaultAndReadsNothingAfterIt) {
  DerFault fault;
  const Bytes octets = Hex("3006 020101 020102");
  DerReader outside(octets, LengthForm::kMinimal, fault);
  DerReader inside = outside.Enter(0x30, "outer");
  EXPECT_EQ(inside.Unsigned(2, 9, "first"), 1u);
  inside.Refuse("first", "not liked");
  EXPECT_EQ(inside.Unsigned(2, 9, "second"), 0u);
  EXPECT_FALSE(inside.More());
  EXPECT_FALSE(outside.NextIs(0x30));
  EXPECT_TRUE(inside.Content(4, "third").empty());
  EXPECT_EQ(fault.text(), "first: not liked");
}

TEST(DerReader, AnInnerElementMayNotReachPastTheOuter) {
  DerFault fault;
  const Bytes octets = Hex("3003 0202 01 02");
  DerReader outside(octets, LengthForm::kMinimal, fault);
  DerReader inside = outside.Enter(0x30, "outer");
  inside.Unsigned(2, 999, "inner");
  EXPECT_THAT(fault.text(), HasSubstr("inner: longer"));
}

TEST(DerReader, WholeKeepsTagAndLength) {
  DerFault fault;
  const Bytes octets = Hex("3003020101 0500");
  DerReader reader(octets, LengthForm::kMinimal, fault);
  EXPECT_EQ(ToHex(reader.Whole(0x30, "certificate")), "3003020101");
  EXPECT_TRUE(reader.NextIs(5));
}

}  // namespace
}  // namespace acb::gbcs
