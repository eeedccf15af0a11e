#include "firmware/checks/registration.h"

#include <gtest/gtest.h>

#include "tests/fakes/fake_records.h"

namespace acb::checks {
namespace {

using testing::At;
using testing::FakeRecords;
using testing::FakeRecordsData;

class RegistrationCheck : public ::testing::Test {
 protected:
  Status Check(Eui64 device, Eui64 holder,
               RemotePartyRole role = RemotePartyRole::kNetworkOperator) {
    return CheckThen(device, holder, role, kNow);
  }
  Status CheckThen(Eui64 device, Eui64 holder, RemotePartyRole role, UtcTime then) {
    found_ = {};
    return CheckRegistration(FakeRecords(data_), policy_, data_.devices.at(device), role, holder,
                             "SUPA", kNow, then, found_);
  }
  Reason Refusal(Eui64 device, Eui64 holder,
                 RemotePartyRole role = RemotePartyRole::kNetworkOperator) {
    const Status result = Check(device, holder, role);
    EXPECT_FALSE(result);
    return result ? Reason::kMalformed : result.error().reason;
  }
  PartyRecord& GasNetworkParty() { return data_.parties[4]; }
  const UtcTime kNow = At("2026-11-21T12:00:00Z");

  FakeRecordsData data_ = FakeRecordsData::Usual();
  Policy policy_;
  RegistrationFinding found_;
};

TEST_F(RegistrationCheck, AcceptsTheRegisteredNetworkOperatorOfAnEsmeAndOfAGpf) {
  EXPECT_TRUE(Check(testing::kEsme, testing::kNetworkOperatorUser));
  EXPECT_TRUE(Check(testing::kGpf, testing::kNetworkOperatorUser));
}

TEST_F(RegistrationCheck, RefusesAnotherNetworkOperatorAndDoesNotSayWhoIsRegistered) {
  for (const Eui64 device : {testing::kEsme, testing::kGpf}) {
    const Status result = Check(device, testing::kOtherNetworkOperatorUser);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().reason, Reason::kNoNotRegistered);
    EXPECT_EQ(result.error().explanation.find("NOA"), std::string::npos);
  }
}

TEST_F(RegistrationCheck, KeepsAnUnmappedMeterPointApartFromAWrongOne) {
  data_.registrations[1].network_operator.clear();
  EXPECT_EQ(Refusal(testing::kGpf, testing::kNetworkOperatorUser), Reason::kNoUnmapped);
  data_.registrations.clear();
  EXPECT_EQ(Refusal(testing::kEsme, testing::kNetworkOperatorUser), Reason::kNoUnmapped);
}

TEST_F(RegistrationCheck, RefusesAnIdentifierThatIsNotInTheRegisterOrHasNoFittingRole) {
  EXPECT_EQ(Refusal(testing::kEsme, Eui64(9)), Reason::kSubjectUnknown);
  EXPECT_EQ(Refusal(testing::kEsme, testing::kSupplierUser), Reason::kSubjectUnknown);
}

TEST_F(RegistrationCheck, RefusesAGasNetworkPartyThatIsNotADccUser) {
  GasNetworkParty().to = At("2026-11-20T00:00:00Z");
  EXPECT_EQ(Refusal(testing::kGpf, testing::kNetworkOperatorUser), Reason::kGnpNotUser);
  GasNetworkParty().to.reset();
  GasNetworkParty().status = PartyStatus::kCeased;
  EXPECT_EQ(Refusal(testing::kGpf, testing::kNetworkOperatorUser), Reason::kGnpNotUser);
  GasNetworkParty().status = PartyStatus::kActive;
  GasNetworkParty().uept = false;
  EXPECT_EQ(Refusal(testing::kGpf, testing::kNetworkOperatorUser), Reason::kGnpNotUser);
}

TEST_F(RegistrationCheck, RefusesAGasNetworkPartyFromTheMomentOfItsNotice) {
  GasNetworkParty().notice_to_cease = At("2026-11-21T12:00:00Z");
  EXPECT_EQ(Refusal(testing::kGpf, testing::kNetworkOperatorUser), Reason::kGnpNotUser);
  GasNetworkParty().notice_to_cease = At("2026-11-21T12:00:01Z");
  EXPECT_TRUE(Check(testing::kGpf, testing::kNetworkOperatorUser));
}

TEST_F(RegistrationCheck, RefusesASuspendedNetworkOperator) {
  data_.parties[3].status = PartyStatus::kSuspended;
  EXPECT_EQ(Refusal(testing::kEsme, testing::kNetworkOperatorUser), Reason::kSuspended);
}

TEST_F(RegistrationCheck, RefusesAPartySuspendedInAnyRowInForceWhateverRowBeganLast) {
  PartyRecord suspended = data_.parties[3];
  suspended.status = PartyStatus::kSuspended;
  suspended.from = At("2019-01-01T00:00:00Z");
  data_.parties.push_back(suspended);
  EXPECT_EQ(Refusal(testing::kEsme, testing::kNetworkOperatorUser), Reason::kSuspended);
  data_.parties.back().to = At("2019-06-01T00:00:00Z");
  EXPECT_TRUE(Check(testing::kEsme, testing::kNetworkOperatorUser));
}

// R-SEC3-10.
TEST_F(RegistrationCheck, RefusesAPartyThatIsExpelledUnderAnotherUserId) {
  data_.parties.push_back(testing::Party(Eui64(0x1234), "NOA", UserRole::kElectricityDistributor));
  PartyRecord& other = data_.parties.back();
  EXPECT_TRUE(Check(testing::kEsme, testing::kNetworkOperatorUser));
  other.status = PartyStatus::kExpelled;
  EXPECT_EQ(Refusal(testing::kEsme, testing::kNetworkOperatorUser), Reason::kSuspended);
  EXPECT_EQ(Refusal(testing::kGpf, testing::kNetworkOperatorUser), Reason::kSuspended);
  other.to = At("2026-11-21T12:00:00Z");
  EXPECT_TRUE(Check(testing::kEsme, testing::kNetworkOperatorUser)) << "it has ended";
  other.to.reset();
  other.party = "NOB";
  EXPECT_TRUE(Check(testing::kEsme, testing::kNetworkOperatorUser)) << "another party";
}

// R-128-6: a notice that was taken back by a newer row is none.
TEST_F(RegistrationCheck, RefusesAGasNetworkPartyThatGaveNoticeUnderAnotherUserId) {
  data_.parties.push_back(testing::Party(Eui64(0x1234), "NOA", UserRole::kGasTransporter));
  data_.parties.back().notice_to_cease = At("2026-11-21T12:00:00Z");
  EXPECT_EQ(Refusal(testing::kGpf, testing::kNetworkOperatorUser), Reason::kGnpNotUser);
  EXPECT_TRUE(Check(testing::kEsme, testing::kNetworkOperatorUser));
  PartyRecord later = data_.parties.back();
  later.from = At("2026-11-21T12:00:00Z");
  later.notice_to_cease.reset();
  data_.parties.push_back(later);
  EXPECT_TRUE(Check(testing::kGpf, testing::kNetworkOperatorUser));
}

TEST_F(RegistrationCheck, PrefersARowInForceToAnEndedOneThatBeganLater) {
  PartyRecord ended = data_.parties[3];
  ended.from = At("2021-01-01T00:00:00Z");
  ended.to = At("2022-01-01T00:00:00Z");
  data_.parties.push_back(ended);
  EXPECT_TRUE(Check(testing::kEsme, testing::kNetworkOperatorUser));
}

TEST_F(RegistrationCheck, DemandsUserEntryProcessTestsOfAnElectricityNetworkOperatorToo) {
  data_.parties[3].uept = false;
  EXPECT_EQ(Refusal(testing::kEsme, testing::kNetworkOperatorUser), Reason::kSuspended);
}

TEST_F(RegistrationCheck, TakesSupplierCertificatesOfASuppliersRoleOnly) {
  data_.parties[0].role = UserRole::kOtherUser;
  data_.parties[1].role = UserRole::kOtherUser;
  EXPECT_EQ(Refusal(testing::kEsme, testing::kSupplierUser, RemotePartyRole::kSupplier),
            Reason::kRequesterNotEligible);
}

TEST_F(RegistrationCheck, AcceptsSupplierCertificatesOfTheRequestingPartyOnly) {
  EXPECT_TRUE(Check(testing::kEsme, testing::kSupplierUser, RemotePartyRole::kSupplier));
  EXPECT_EQ(Refusal(testing::kEsme, testing::kOtherSupplierUser, RemotePartyRole::kSupplier),
            Reason::kRequesterNotEligible);
}

// R-107-5, R-128-10: found by an attack. Whose the EUI-64 is now says nothing of then.
TEST_F(RegistrationCheck, AcceptsSupplierCertificatesOfWhoIsTheSupplierThen) {
  const UtcTime change = At("2027-01-01T00:00:00Z");
  const auto then = [&](const char* at) {
    return CheckThen(testing::kEsme, testing::kSupplierUser, RemotePartyRole::kSupplier, At(at));
  };
  EXPECT_TRUE(then("2027-06-01T00:00:00Z"));
  for (PartyRecord& row : data_.parties) {
    if (row.user_id == testing::kSupplierUser) row.to = change;
  }
  EXPECT_TRUE(then("2026-12-31T23:59:59Z"));
  const Status nobodys = then("2027-01-01T00:00:00Z");
  ASSERT_FALSE(nobodys);
  EXPECT_EQ(nobodys.error().reason, Reason::kSuspended) << "no DCC User then";
  PartyRecord row = data_.parties[0];
  row.party = "SUPB";
  row.from = change;
  row.to.reset();
  data_.parties.push_back(row);
  const Status anothers = then("2027-01-01T00:00:00Z");
  ASSERT_FALSE(anothers);
  EXPECT_EQ(anothers.error().reason, Reason::kRequesterNotEligible);
  data_.parties.back().party = "SUPA";
  EXPECT_TRUE(then("2027-01-01T00:00:00Z"));
  data_.parties.back().uept = false;
  EXPECT_FALSE(then("2027-01-01T00:00:00Z"));
}

// R-063-2.
TEST_F(RegistrationCheck, RecordsThePartyOfThePrefixBesideTheRegisteredOne) {
  data_.prefixes = {{"13", "NOA"}};
  ASSERT_TRUE(Check(testing::kEsme, testing::kNetworkOperatorUser));
  EXPECT_EQ(found_.by_registration, "NOA");
  EXPECT_EQ(found_.by_prefix, "NOA");
  EXPECT_TRUE(found_.observations.empty());
}

TEST_F(RegistrationCheck, LetsRegistrationDecideWhereThePrefixSaysOtherwise) {
  data_.prefixes = {{"13", "NOB"}};
  EXPECT_TRUE(Check(testing::kEsme, testing::kNetworkOperatorUser));
  EXPECT_EQ(found_.observations, std::vector<std::string>{"PREFIX_MISMATCH"});
  EXPECT_EQ(Refusal(testing::kEsme, testing::kOtherNetworkOperatorUser), Reason::kNoNotRegistered);
  EXPECT_EQ(found_.by_prefix, "NOB");
  EXPECT_EQ(found_.observations, std::vector<std::string>{"PREFIX_MISMATCH"});
}

TEST_F(RegistrationCheck, HasNoPrefixForAnMprn) {
  data_.prefixes = {{"12", "NOB"}, {"13", "NOB"}};
  ASSERT_TRUE(Check(testing::kGpf, testing::kNetworkOperatorUser));
  EXPECT_EQ(found_.by_prefix, "");
  EXPECT_TRUE(found_.observations.empty());
}

// Found by an attack on this code: a date that the requester chooses must not jump over a
// suspension that is in force.
TEST_F(RegistrationCheck, AsksForStandingNowAndAtTheExecutionTime) {
  const UtcTime now = At("2026-11-21T12:00:00Z");
  const UtcTime then = At("2027-02-02T00:00:00Z");
  const auto check = [&] {
    found_ = {};
    return CheckRegistration(FakeRecords(data_), policy_, data_.devices.at(testing::kEsme),
                             RemotePartyRole::kNetworkOperator, testing::kNetworkOperatorUser,
                             "SUPA", now, then, found_);
  };
  EXPECT_TRUE(check());
  PartyRecord& row = data_.parties[3];
  row.status = PartyStatus::kSuspended;
  row.to = At("2027-02-01T00:00:00Z");
  PartyRecord again = row;
  again.status = PartyStatus::kActive;
  again.from = *row.to;
  again.to.reset();
  data_.parties.push_back(again);
  ASSERT_FALSE(check());
  EXPECT_EQ(check().error().reason, Reason::kSuspended);
}

// The one switch of SECMP0063: what it would have refused is on the record.
TEST_F(RegistrationCheck, OnlyObservesWhereThePolicyHasItOff) {
  policy_.network_operator_registration = false;
  EXPECT_TRUE(Check(testing::kEsme, testing::kOtherNetworkOperatorUser));
  EXPECT_EQ(found_.observations, std::vector<std::string>{"NO_NOT_REGISTERED"});
  data_.registrations.clear();
  EXPECT_TRUE(Check(testing::kEsme, testing::kNetworkOperatorUser));
  EXPECT_EQ(found_.observations, std::vector<std::string>{"NO_UNMAPPED"});
  // The register of parties and the standing of the party are other rules.
  EXPECT_EQ(Refusal(testing::kEsme, Eui64(9)), Reason::kSubjectUnknown);
  GasNetworkParty().notice_to_cease = At("2026-11-01T00:00:00Z");
  EXPECT_EQ(Refusal(testing::kGpf, testing::kNetworkOperatorUser), Reason::kGnpNotUser);
}

}  // namespace
}  // namespace acb::checks
