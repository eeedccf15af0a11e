#include "firmware/checks/device.h"

#include <gtest/gtest.h>

#include "tests/fakes/fake_records.h"

namespace acb::checks {
namespace {

using testing::FakeRecords;
using testing::FakeRecordsData;

class DeviceCheck : public ::testing::Test {
 protected:
  // The reason why not; kMalformed stands for "passed" nowhere: callers ask Passes() for that.
  Reason ReasonFor(Eui64 id, RemotePartyRole role) {
    const Status result = Judge(id, role);
    EXPECT_FALSE(result);
    return result ? Reason::kMalformed : result.error().reason;
  }
  bool Passes(Eui64 id, RemotePartyRole role) { return Judge(id, role).has_value(); }
  // As the path does: known first, then the rest.
  Status Judge(Eui64 id, RemotePartyRole role) {
    const FakeRecords records(data_);
    const auto known = FindKnownDevice(records, id);
    return known ? CheckDevice(records, *known, role) : Status(known.error());
  }
  Device& device(Eui64 id) { return data_.devices.at(id); }

  FakeRecordsData data_ = FakeRecordsData::Usual();
};

constexpr auto kSupplier = RemotePartyRole::kSupplier;
constexpr auto kNetworkOperator = RemotePartyRole::kNetworkOperator;

TEST_F(DeviceCheck, AcceptsAnEsmeAndAGpfForBothRolesAndAGsmeForTheSupplier) {
  for (const Eui64 id : {testing::kEsme, testing::kGpf}) {
    EXPECT_TRUE(Passes(id, kSupplier));
    EXPECT_TRUE(Passes(id, kNetworkOperator));
  }
  EXPECT_TRUE(Passes(testing::kGsme, kSupplier));
}

TEST_F(DeviceCheck, RefusesTypesWithoutCellsOfTheRole) {
  EXPECT_EQ(ReasonFor(testing::kGsme, kNetworkOperator), Reason::kDeviceType);
  for (const DeviceType type : {DeviceType::kChf, DeviceType::kHcalcs, DeviceType::kPpmid,
                                DeviceType::kIhd, DeviceType::kCad}) {
    device(testing::kEsme).type = type;
    EXPECT_EQ(ReasonFor(testing::kEsme, kSupplier), Reason::kDeviceType);
    EXPECT_EQ(ReasonFor(testing::kEsme, kNetworkOperator), Reason::kDeviceType);
  }
}

TEST_F(DeviceCheck, RefusesAnUnknownDevice) {
  EXPECT_EQ(ReasonFor(Eui64(1), kSupplier), Reason::kDeviceUnknown);
}

TEST_F(DeviceCheck, RefusesSmets1AndUnknownGenerations) {
  device(testing::kEsme).smets = SmetsGeneration::kSmets1;
  EXPECT_EQ(ReasonFor(testing::kEsme, kSupplier), Reason::kSmets1Proxy);
  device(testing::kEsme).smets = SmetsGeneration::kUnknown;
  EXPECT_EQ(ReasonFor(testing::kEsme, kSupplier), Reason::kSmets1Proxy);
}

TEST_F(DeviceCheck, RefusesAStatusThatIsOutOfService) {
  for (const SmiStatus status :
       {SmiStatus::kPending, SmiStatus::kDecommissioned, SmiStatus::kWithdrawn,
        SmiStatus::kSuspended, SmiStatus::kRecovery}) {
    device(testing::kEsme).smi_status = status;
    EXPECT_EQ(ReasonFor(testing::kEsme, kSupplier), Reason::kDeviceStatus);
  }
  for (const SmiStatus status : {SmiStatus::kWhitelisted, SmiStatus::kInstalledNotCommissioned,
                                 SmiStatus::kCommissioned, SmiStatus::kRecovered}) {
    device(testing::kEsme).smi_status = status;
    EXPECT_TRUE(Passes(testing::kEsme, kSupplier));
  }
}

TEST_F(DeviceCheck, RefusesACellThatIsNotTheAcbsAndLooksAtTheRoleAskedForOnly) {
  device(testing::kEsme).supplier.holder = CellState::Holder::kParty;
  EXPECT_EQ(ReasonFor(testing::kEsme, kSupplier), Reason::kCellNotAcb);
  device(testing::kEsme).supplier.holder = CellState::Holder::kUnknown;
  EXPECT_EQ(ReasonFor(testing::kEsme, kSupplier), Reason::kCellUnknown);
  EXPECT_TRUE(Passes(testing::kEsme, kNetworkOperator));
}

TEST_F(DeviceCheck, RefusesAnUnknownFloorAndAcceptsZero) {
  device(testing::kEsme).network_operator.floor.reset();
  EXPECT_EQ(ReasonFor(testing::kEsme, kNetworkOperator), Reason::kCounterUnknown);
  device(testing::kEsme).network_operator.floor = FloorSeqNumber::From(0);
  EXPECT_TRUE(Passes(testing::kEsme, kNetworkOperator));
}

TEST_F(DeviceCheck, NeedsTheKeyAgreementKeyAndSaysItIsNotTheSuppliersFault) {
  device(testing::kEsme).key_agreement.reset();
  EXPECT_EQ(ReasonFor(testing::kEsme, kSupplier), Reason::kFeedStale);
}

}  // namespace
}  // namespace acb::checks
