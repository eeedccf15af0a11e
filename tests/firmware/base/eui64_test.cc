#include "firmware/base/eui64.h"

#include <gtest/gtest.h>

namespace acb {
namespace {

constexpr Eui64 kEui{0x90B3D51F30010000};

TEST(Eui64, HasOneTextInEachForm) {
  EXPECT_EQ(kEui.Hyphenated(), "90-B3-D5-1F-30-01-00-00");
  EXPECT_EQ(kEui.Plain(), "90B3D51F30010000");
  EXPECT_EQ(ToHex(kEui.Octets()), "90b3d51f30010000");
  EXPECT_EQ(Eui64(0).Plain(), "0000000000000000");
}

TEST(Eui64, IsReadInEitherCase) {
  EXPECT_EQ(Eui64::FromHyphenated("90-B3-D5-1F-30-01-00-00"), kEui);
  EXPECT_EQ(Eui64::FromHyphenated("90-b3-d5-1f-30-01-00-00"), kEui);
  EXPECT_EQ(Eui64::FromPlain("90b3D51F30010000"), kEui);
  EXPECT_EQ(Eui64::FromText("90-b3-d5-1f-30-01-00-00"), kEui);
  EXPECT_EQ(Eui64::FromText("90B3D51F30010000"), kEui);
}

TEST(Eui64, KeepsToTheFormItIsAskedFor) {
  EXPECT_FALSE(Eui64::FromPlain("90-B3-D5-1F-30-01-00-00"));
  EXPECT_FALSE(Eui64::FromHyphenated("90B3D51F30010000"));
}

TEST(Eui64, RefusesOtherLengthsSeparatorsAndDigits) {
  for (const std::string_view bad :
       {"", "90B3D51F3001000", "90B3D51F300100000", "90B3D51F3001000G", "90-B3-D5-1F-30-01-00",
        "90:B3:D5:1F:30:01:00:00", "90-B3-D5-1F-30-01-00-0", "9-0B3-D5-1F-30-01-00-00",
        "90-B3-D5-1F-30-01-00-00-", " 90B3D51F30010000", "90-B3-D5-1F-30-01-00--0"}) {
    EXPECT_FALSE(Eui64::FromText(bad)) << bad;
  }
}

TEST(Eui64, IsEightOctets) {
  EXPECT_EQ(Eui64::FromOctets(*FromHex("90b3d51f30010000")), kEui);
  EXPECT_FALSE(Eui64::FromOctets(*FromHex("90b3d51f300100")));
  EXPECT_FALSE(Eui64::FromOctets(*FromHex("90b3d51f3001000000")));
}

TEST(Eui64, IsOrderedAsANumber) { EXPECT_LT(Eui64(1), Eui64(0xFFFFFFFFFFFFFFFF)); }

}  // namespace
}  // namespace acb
