// R-SEC3-29: which of the ACB's key pairs signs for a cell.
#include "firmware/checks/acb_certificates.h"

#include <gtest/gtest.h>

namespace acb::checks {
namespace {

constexpr AcbKeyId kOld{0x4000000000000001};
constexpr AcbKeyId kNew{0x4000000000000002};

CellState Holding(std::optional<AcbKeyId> key) {
  CellState cell;
  cell.holder = CellState::Holder::kAcb;
  cell.acb_key = key;
  return cell;
}

TEST(ChosenKeys, AreThoseThatTheCellHolds) {
  EXPECT_EQ(*ChooseAcbKeys(Holding(kOld), {kOld, kNew}), 0u);
  EXPECT_EQ(*ChooseAcbKeys(Holding(kNew), {kOld, kNew}), 1u);
}

TEST(ChosenKeys, AreTheOldestInUseWhereTheCellDoesNotSay) {
  EXPECT_EQ(*ChooseAcbKeys(Holding({}), {kOld, kNew}), 0u);
  EXPECT_EQ(*ChooseAcbKeys(Holding({}), {kNew}), 0u);
}

TEST(ChosenKeys, AreNoneForACellWithAPairThatIsNotInUse) {
  const auto none = ChooseAcbKeys(Holding(kOld), {kNew});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().reason, Reason::kAcbCert);
  EXPECT_NE(none.error().explanation.find("4000000000000001"), std::string::npos);
}

}  // namespace
}  // namespace acb::checks
