#include "firmware/base/request_id.h"

#include <gtest/gtest.h>

namespace acb {
namespace {

constexpr RequestId kRequest{Eui64(0x90B3D51F30010000), Eui64(0x00DB1234567890A3), 1001};
constexpr std::string_view kText = "90-B3-D5-1F-30-01-00-00:00-DB-12-34-56-78-90-A3:1001";

TEST(RequestId, IsOneTextAndOneKeyForEverySpelling) {
  EXPECT_EQ(RequestId::FromText(kText), kRequest);
  const auto lower = RequestId::FromText("90-b3-d5-1f-30-01-00-00:00-db-12-34-56-78-90-a3:1001");
  ASSERT_EQ(lower, kRequest);
  EXPECT_EQ(lower->Text(), kText);
  EXPECT_EQ(ToHex(lower->Key()),
            "90b3d51f30010000"
            "00db1234567890a3"
            "00000000000003e9");
}

TEST(RequestId, RefusesWhatIsNotThreeParts) {
  const std::string text(kText);
  for (const std::string& bad :
       {std::string(), std::string("1001"), text.substr(0, text.rfind(':')), text + ":1",
        text + " ", " " + text, text.substr(0, text.rfind(':') + 1), text + "\n",
        std::string("90B3D51F30010000:00DB1234567890A3:1001"), std::string("::")}) {
    EXPECT_FALSE(RequestId::FromText(bad)) << bad;
  }
}

TEST(Decimal, Has64BitsAndOneSpelling) {
  EXPECT_EQ(ParseDecimal("0"), 0u);
  EXPECT_EQ(ParseDecimal("9223372036854775807"), 9223372036854775807u);
  EXPECT_EQ(ParseDecimal("18446744073709551615"), 18446744073709551615u);
  for (const std::string_view bad : {"", "00", "01", "-1", "+1", " 1", "1 ", "1.0", "0x1", "1e3",
                                     "18446744073709551616", "99999999999999999999", "\xd9\xa1"}) {
    EXPECT_FALSE(ParseDecimal(bad)) << bad;
  }
}

}  // namespace
}  // namespace acb
