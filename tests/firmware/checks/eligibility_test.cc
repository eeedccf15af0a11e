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
  Result<std::string> Check(Eui64 user, std::optional<UtcTime> execution = std::nullopt,
                            Eui64 device = testing::kEsme,
                            RemotePartyRole role = RemotePartyRole::kNetworkOperator) {
    duis::HandoverRequest request{
        .request_id = {user, device, 1}, .execution = execution, .role = role};
    return CheckEligibility(FakeRecords(data_), request, data_.devices.at(device), now_);
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
  EXPECT_EQ(Refusal(testing::kSupplierUser), Reason::kRequesterNotEligible) << "it supplies gas";
  EXPECT_TRUE(Check(testing::kSupplierUser, {}, testing::kGpf));
  data_.parties[1].status = PartyStatus::kCeased;
  EXPECT_EQ(Refusal(testing::kSupplierUser), Reason::kSuspended);
}

// R-SEC3-10.
TEST_F(Eligibility, IsLostWhenThePartyIsExpelledUnderAnotherUserId) {
  data_.parties.push_back(testing::Party(Eui64(0x1234), "SUPA", UserRole::kOtherUser));
  EXPECT_TRUE(Check(testing::kSupplierUser));
  data_.parties.back().status = PartyStatus::kExpelled;
  EXPECT_EQ(Refusal(testing::kSupplierUser), Reason::kSuspended);
  data_.parties.back().party = "SUPB";
  EXPECT_TRUE(Check(testing::kSupplierUser));
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

// R-074-2: "UEPT completion per role". parties[0] is IS, parties[1] is GS.
TEST_F(Eligibility, IsJudgedByTheRoleOfTheDevicesFuel) {
  data_.parties[0].uept = false;
  EXPECT_EQ(Refusal(testing::kSupplierUser), Reason::kRequesterNotEligible);
  EXPECT_TRUE(Check(testing::kSupplierUser, {}, testing::kGpf));
  EXPECT_TRUE(Check(testing::kSupplierUser, {}, testing::kGsme, RemotePartyRole::kSupplier));
  std::swap(data_.parties[0].uept, data_.parties[1].uept);
  EXPECT_TRUE(Check(testing::kSupplierUser));
  EXPECT_FALSE(Check(testing::kSupplierUser, {}, testing::kGpf));
  EXPECT_FALSE(Check(testing::kSupplierUser, {}, testing::kGsme, RemotePartyRole::kSupplier));
}

// The registration names the supplier: a register that has but one role of it is enough.
TEST_F(Eligibility, IsJudgedByItsOneRoleWhereTheRegisterHasNoOther) {
  data_.parties.erase(data_.parties.begin() + 1);
  EXPECT_TRUE(Check(testing::kSupplierUser, {}, testing::kGpf));
}

// One User may be two parties.
TEST_F(Eligibility, TakesThePartyOfTheDevicesFuel) {
  data_.parties[1].party = "GASA";
  for (Registration& row : data_.registrations) {
    if (row.mpxn == testing::kMprn) row.supplier = "GASA";
  }
  EXPECT_EQ(*Check(testing::kSupplierUser), "SUPA");
  EXPECT_EQ(*Check(testing::kSupplierUser, {}, testing::kGpf), "GASA");
}

// R-107-5 (ii): as the network operator's, its standing is needed when the command is executed.
TEST_F(Eligibility, JudgesTheUsersStandingAtTheExecutionTimeToo) {
  const UtcTime end = At("2026-11-22T00:00:00Z");
  data_.parties[0].to = end;
  EXPECT_TRUE(Check(testing::kSupplierUser, At("2026-11-21T23:00:00Z")));
  EXPECT_EQ(Refusal(testing::kSupplierUser, At("2026-11-22T10:00:00Z")),
            Reason::kRequesterNotEligible);
  PartyRecord expelled = data_.parties[0];
  expelled.from = end;
  expelled.to.reset();
  expelled.status = PartyStatus::kExpelled;
  data_.parties.push_back(expelled);
  EXPECT_TRUE(Check(testing::kSupplierUser));
  EXPECT_EQ(Refusal(testing::kSupplierUser, At("2026-11-22T10:00:00Z")), Reason::kSuspended);
}

// R-063-14: suppliers are not blamed for what no feed knows.
TEST_F(Eligibility, TellsAMeterPointOfWhichNothingIsKnownFromALostOne) {
  std::erase_if(data_.registrations,
                [](const Registration& row) { return row.mpxn == testing::kMprn; });
  const auto refusal = [this](RemotePartyRole role) {
    const auto result = Check(testing::kSupplierUser, {}, testing::kGpf, role);
    return result ? Reason::kMalformed : result.error().reason;
  };
  EXPECT_EQ(refusal(RemotePartyRole::kNetworkOperator), Reason::kNoUnmapped);
  EXPECT_EQ(refusal(RemotePartyRole::kSupplier), Reason::kRequesterNotEligible);
  Registration ended;
  ended.mpxn = testing::kMprn;
  ended.supplier = "SUPA";
  ended.from = At("2020-01-01T00:00:00Z");
  ended.to = At("2021-01-01T00:00:00Z");
  data_.registrations.push_back(ended);
  EXPECT_EQ(refusal(RemotePartyRole::kNetworkOperator), Reason::kRequesterNotEligible);
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
