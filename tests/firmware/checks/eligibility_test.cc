#include "firmware/checks/eligibility.h"

#include <gtest/gtest.h>

#include "tests/fakes/fake_records.h"

namespace acb::checks {
namespace {

using testing::At;
using testing::FakeRecords;
using testing::FakeRecordsData;

class Eligibility : public ::testing::Test {
 protected:
  Result<std::string> Check(Eui64 user, std::optional<UtcTime> execution = std::nullopt) {
    duis::HandoverRequest request{.request_id = {user, testing::kEsme, 1},
                                  .execution = execution,
                                  .role = RemotePartyRole::kNetworkOperator};
    return CheckEligibility(FakeRecords(data_), request, data_.devices.at(testing::kEsme), now_);
  }
  Reason Refusal(Eui64 user, std::optional<UtcTime> execution = std::nullopt) {
    const auto result = Check(user, execution);
    EXPECT_FALSE(result);
    return result ? Reason::kMalformed : result.error().reason;
  }

  UtcTime now_ = At("2026-11-21T12:00:00Z");
  FakeRecordsData data_ = FakeRecordsData::Usual();
};

TEST_F(Eligibility, AcceptsTheRegisteredSupplierAndGivesItsPartyName) {
  const auto party = Check(testing::kSupplierUser);
  ASSERT_TRUE(party) << party.error().explanation;
  EXPECT_EQ(*party, "SUPA");
}

TEST_F(Eligibility, RefusesAnotherSupplierAndDoesNotSayWhoIsRegistered) {
  const auto result = Check(testing::kOtherSupplierUser);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().reason, Reason::kRequesterNotEligible);
  EXPECT_EQ(result.error().explanation.find("SUPA"), std::string::npos);
}

TEST_F(Eligibility, RefusesANetworkOperatorAsRequester) {
  EXPECT_EQ(Refusal(testing::kNetworkOperatorUser), Reason::kRoleNotAllowed);
}

TEST_F(Eligibility, RefusesAUserThatIsNotInTheRegister) {
  EXPECT_EQ(Refusal(Eui64(7)), Reason::kSubjectUnknown);
}

TEST_F(Eligibility, RefusesASuspendedExpelledOrCeasedParty) {
  for (const PartyStatus status : {PartyStatus::kSuspended, PartyStatus::kExpelled}) {
    data_.parties[0].status = status;
    EXPECT_EQ(Refusal(testing::kSupplierUser), Reason::kSuspended);
  }
  data_.parties[0].status = PartyStatus::kCeased;
  EXPECT_TRUE(Check(testing::kSupplierUser)) << "it is a supplier in its other role still";
  data_.parties[1].status = PartyStatus::kCeased;
  EXPECT_EQ(Refusal(testing::kSupplierUser), Reason::kSuspended);
}

// Found by an attack on this code: a feed adds rows, so the one that began last is what is true.
TEST_F(Eligibility, IsLostWithANewRowThatSaysCeasedOrUntested) {
  data_.parties[1].to = At("2021-01-01T00:00:00Z");  // gas long over
  PartyRecord later = data_.parties[0];
  later.from = At("2026-01-01T00:00:00Z");
  later.status = PartyStatus::kCeased;
  data_.parties.push_back(later);
  EXPECT_EQ(Refusal(testing::kSupplierUser), Reason::kSuspended);
  data_.parties.back().status = PartyStatus::kActive;
  EXPECT_TRUE(Check(testing::kSupplierUser));
  data_.parties.back().uept = false;
  EXPECT_EQ(Refusal(testing::kSupplierUser), Reason::kRequesterNotEligible);
}

TEST_F(Eligibility, RefusesBeforeTheFirstAndAfterTheLastDayOfTheRow) {
  now_ = At("2019-12-31T23:59:59Z");
  EXPECT_EQ(Refusal(testing::kSupplierUser), Reason::kSuspended);
  now_ = At("2020-01-01T00:00:00Z");
  EXPECT_TRUE(Check(testing::kSupplierUser));
}

TEST_F(Eligibility, RefusesWithoutUserEntryProcessTests) {
  for (PartyRecord& row : data_.parties) row.uept = false;
  EXPECT_EQ(Refusal(testing::kSupplierUser), Reason::kRequesterNotEligible);
}

TEST_F(Eligibility, IsNotLostByARoleWhoseTestsAreStillToCome) {
  data_.parties[0].uept = false;
  EXPECT_TRUE(Check(testing::kSupplierUser));
}

TEST_F(Eligibility, RefusesADeviceWithoutAMeterPointOrRegistration) {
  data_.registrations.clear();
  EXPECT_EQ(Refusal(testing::kSupplierUser), Reason::kRequesterNotEligible);
  data_ = FakeRecordsData::Usual();
  data_.devices.at(testing::kEsme).mpxn.clear();
  EXPECT_EQ(Refusal(testing::kSupplierUser), Reason::kRequesterNotEligible);
}

// R-107-5: the supplier loses the meter point at 00:00 tomorrow.
TEST_F(Eligibility, JudgesTheExecutionTimeToo) {
  data_.registrations[0].to = At("2026-11-22T00:00:00Z");
  Registration next = data_.registrations[0];
  next.supplier = "SUPB";
  next.from = At("2026-11-22T00:00:00Z");
  next.to.reset();
  data_.registrations.push_back(next);
  EXPECT_TRUE(Check(testing::kSupplierUser));
  EXPECT_TRUE(Check(testing::kSupplierUser, At("2026-11-21T23:00:00Z")));
  EXPECT_EQ(Refusal(testing::kSupplierUser, At("2026-11-22T10:00:00Z")),
            Reason::kRequesterNotEligible);
}

TEST_F(Eligibility, OfOverlappingRegistrationsTheOneThatBeganLastCounts) {
  Registration later = data_.registrations[0];
  later.supplier = "SUPB";
  later.from = At("2025-01-01T00:00:00Z");
  data_.registrations.push_back(later);
  EXPECT_EQ(Refusal(testing::kSupplierUser), Reason::kRequesterNotEligible);
  EXPECT_TRUE(Check(testing::kOtherSupplierUser));
}

// R-107-5: the supplier that gains the meter point asks ahead; one that has it now asks for now.
TEST_F(Eligibility, JudgesAFutureDatedRequestAtItsExecutionTimeAlone) {
  Registration next = data_.registrations[0];
  next.supplier = "SUPB";
  next.from = At("2026-11-22T00:00:00Z");
  data_.registrations[0].to = next.from;
  data_.registrations.push_back(next);
  EXPECT_TRUE(Check(testing::kOtherSupplierUser, At("2026-11-22T10:00:00Z")));
  EXPECT_EQ(Refusal(testing::kOtherSupplierUser), Reason::kRequesterNotEligible);
  EXPECT_EQ(Refusal(testing::kOtherSupplierUser, At("2026-11-21T13:00:00Z")),
            Reason::kRequesterNotEligible);
}

TEST_F(Eligibility, DoesNotTakeATimeThatIsPastForNow) {
  data_.registrations[0].to = At("2026-11-01T00:00:00Z");
  EXPECT_EQ(Refusal(testing::kSupplierUser, At("2026-10-01T00:00:00Z")),
            Reason::kRequesterNotEligible);
}

// R-107-5 (i): in every instant of the range.
TEST_F(Eligibility, OfARangeAsksForEveryInstant) {
  data_.registrations[0].to = At("2026-11-22T00:00:00Z");
  const FakeRecords records(data_);
  const auto check = [&](std::string_view from, std::string_view to) {
    return CheckRegisteredSupplier(records, testing::kMpan, "SUPA", At(from), At(to));
  };
  EXPECT_TRUE(check("2026-11-21T00:00:00Z", "2026-11-21T23:59:59Z"));
  EXPECT_FALSE(check("2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z")) << "spans midnight";
  Registration gap = data_.registrations[0];
  gap.from = At("2026-11-23T00:00:00Z");
  gap.to.reset();
  data_.registrations.push_back(gap);
  EXPECT_TRUE(check("2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z"));
  EXPECT_FALSE(check("2026-11-21T00:00:00Z", "2026-11-24T00:00:00Z")) << "a gap within";
}

}  // namespace
}  // namespace acb::checks
