// R-074-5.
#include "firmware/checks/channel.h"

#include <gtest/gtest.h>

namespace acb::checks {
namespace {

TEST(Channel, TakesOneThatIsAllowedAndRefusesAnother) {
  EXPECT_TRUE(CheckChannel("gateway", {"test-line", "gateway"}));
  const Status refused = CheckChannel("spoti", {"test-line", "gateway"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, Reason::kChannel);
  EXPECT_NE(refused.error().explanation.find("'spoti'"), std::string::npos);
}

TEST(Channel, TakesEveryOneWhenNoneIsNamed) { EXPECT_TRUE(CheckChannel("spoti", {})); }

TEST(Channel, ComparesWholeNames) {
  EXPECT_FALSE(CheckChannel("gate", {"gateway"}));
  EXPECT_FALSE(CheckChannel("gateway2", {"gateway"}));
  EXPECT_FALSE(CheckChannel("", {"gateway"}));
}

}  // namespace
}  // namespace acb::checks
