#include "firmware/base/bytes.h"

#include <gtest/gtest.h>

namespace acb {
namespace {

TEST(Hex, IsLowerCaseAndReadInEitherCase) {
  const Bytes bytes = {0x00, 0x0f, 0xa0, 0xff};
  EXPECT_EQ(ToHex(bytes), "000fa0ff");
  EXPECT_EQ(FromHex("000fa0ff"), bytes);
  EXPECT_EQ(FromHex("000FA0Ff"), bytes);
  EXPECT_EQ(FromHex(""), Bytes{});
  EXPECT_EQ(ToHex({}), "");
}

TEST(Hex, RefusesOddLengthsAndOtherCharacters) {
  EXPECT_TRUE(FromHex("00"));
  for (const std::string_view bad :
       {"0", "000", "0g", "g0", " 0", "0 ", "00 00", "0x00", "@0", "`0"}) {
    EXPECT_FALSE(FromHex(bad)) << bad;
  }
}

TEST(Equal, ComparesLengthAndOctets) {
  const Bytes a = {1, 2}, same = {1, 2}, other = {1, 3}, longer = {1, 2, 0};
  EXPECT_TRUE(Equal(a, same));
  EXPECT_FALSE(Equal(a, other));
  EXPECT_FALSE(Equal(a, longer));
  EXPECT_TRUE(Equal({}, {}));
}

TEST(ByteWriter, WritesTheMostSignificantOctetFirst) {
  ByteWriter writer;
  writer.U8(0x01).U16(0x0203).U32(0x04050607).U64(0x08090a0b0c0d0e0f).Raw(Bytes{0xff});
  EXPECT_EQ(ToHex(writer.bytes()), "0102030405060708090a0b0c0d0e0fff");
}

TEST(ByteReader, ReadsWhatTheWriterWrote) {
  const Bytes bytes = *FromHex("0102030405060708090a0b0c0d0e0fff");
  ByteReader reader(bytes);
  EXPECT_EQ(reader.U8(), 0x01);
  EXPECT_EQ(reader.U16(), 0x0203);
  EXPECT_EQ(reader.U32(), 0x04050607u);
  EXPECT_EQ(reader.U64(), 0x08090a0b0c0d0e0fu);
  EXPECT_TRUE(reader.ok());
  EXPECT_FALSE(reader.Finished());
  EXPECT_EQ(ToHex(reader.Raw(1)), "ff");
  EXPECT_TRUE(reader.Finished());
}

TEST(ByteReader, NeverReadsPastTheEndAndStaysBroken) {
  const Bytes bytes = {1, 2, 3};
  ByteReader reader(bytes);
  EXPECT_EQ(reader.U32(), 0u);
  EXPECT_FALSE(reader.ok());
  EXPECT_FALSE(reader.Finished());
  // The three octets that were there are gone: a later, shorter read may not find them.
  EXPECT_EQ(reader.U8(), 0);
  EXPECT_TRUE(reader.Raw(0).empty());
  EXPECT_FALSE(reader.ok());
}

TEST(ByteReader, RefusesASizeThatWouldWrap) {
  const Bytes bytes = {1};
  ByteReader reader(bytes);
  EXPECT_TRUE(reader.Raw(SIZE_MAX).empty());
  EXPECT_FALSE(reader.ok());
}

TEST(Text, AndOctetsAreTheSame) {
  EXPECT_EQ(ToHex(AsBytes("A\xff")), "41ff");
  EXPECT_EQ(AsText(Bytes{0x41, 0x42}), "AB");
}

}  // namespace
}  // namespace acb
