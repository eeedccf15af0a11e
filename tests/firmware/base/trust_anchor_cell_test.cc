#include "firmware/base/trust_anchor_cell.h"

#include <gtest/gtest.h>

#include <set>

namespace acb {
namespace {

TEST(OriginatorCounter, IsOneTo2To63Minus1) {
  EXPECT_FALSE(OriginatorCounter::From(0));
  EXPECT_EQ(OriginatorCounter::From(1)->value(), 1u);
  EXPECT_EQ(OriginatorCounter::From(9223372036854775807)->value(), kMaxSeqNumber);
  EXPECT_FALSE(OriginatorCounter::From(kMaxSeqNumber + 1));
  EXPECT_FALSE(OriginatorCounter::From(UINT64_MAX));
}

TEST(FloorSeqNumber, IsZeroTo2To63Minus1) {
  EXPECT_EQ(FloorSeqNumber::From(0)->value(), 0u);
  EXPECT_TRUE(FloorSeqNumber::From(kMaxSeqNumber));
  EXPECT_FALSE(FloorSeqNumber::From(kMaxSeqNumber + 1));
}

TEST(TrustAnchorCell, DiffersByRoleKeyUsageAndCellUsage) {
  const TrustAnchorCell cell{RemotePartyRole::kSupplier, KeyUsage::kKeyAgreement};
  EXPECT_EQ(cell, (TrustAnchorCell{RemotePartyRole::kSupplier, KeyUsage::kKeyAgreement,
                                   CellUsage::kManagement}));
  EXPECT_NE(cell, (TrustAnchorCell{RemotePartyRole::kNetworkOperator, KeyUsage::kKeyAgreement}));
  EXPECT_NE(cell, (TrustAnchorCell{RemotePartyRole::kSupplier, KeyUsage::kDigitalSignature}));
  EXPECT_NE(cell, (TrustAnchorCell{RemotePartyRole::kSupplier, KeyUsage::kKeyAgreement,
                                   CellUsage::kPrepaymentTopUp}));
}

TEST(RemotePartyRole, HasADistinctNameForEachNumberOfGbcs) {
  std::set<std::string_view> names;
  for (const int number : {0, 1, 2, 3, 4, 5, 6, 7, 8, 127}) {
    EXPECT_TRUE(names.insert(Name(static_cast<RemotePartyRole>(number))).second) << number;
  }
  EXPECT_EQ(Name(RemotePartyRole::kSupplier), "Supplier");
  EXPECT_EQ(Name(RemotePartyRole::kNetworkOperator), "NetworkOperator");
  EXPECT_EQ(Name(RemotePartyRole::kAccessControlBroker), "ACB");
}

}  // namespace
}  // namespace acb
