#include "firmware/smets1/proxy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/fake_records.h"

namespace acb::smets1 {
namespace {

using acb::testing::At;
using acb::testing::FakeRecords;
using acb::testing::FakeRecordsData;
using acb::testing::kEsme;
using acb::testing::kGpf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr Eui64 kA = acb::testing::kNetworkOperatorUser;  // NOA, registered for both meter points
constexpr Eui64 kB = acb::testing::kOtherNetworkOperatorUser;  // NOB
constexpr Eui64 kStranger{9};
constexpr auto kDsp = ProxySource::kDsp;
constexpr auto kS1sp = ProxySource::kS1sp;

class Smets1 : public ::testing::Test {
 protected:
  void SetUp() override {
    for (auto& [id, device] : data_.devices) device.smets = SmetsGeneration::kSmets1;
    Own(kA);
  }
  // What both sources say of every device.
  void Own(Eui64 owner) {
    data_.proxies.clear();
    for (const Eui64 device : {kEsme, kGpf}) {
      for (const ProxySource source : {kDsp, kS1sp}) {
        data_.proxies.push_back({device, source, owner, "1234"});
      }
    }
  }
  void RegisterNobody() {
    for (Registration& row : data_.registrations) row.network_operator.clear();
  }
  void Register(std::string party) {
    for (Registration& row : data_.registrations) row.network_operator = party;
  }
  Device& device(Eui64 id = kEsme) { return data_.devices.at(id); }

  FakeRecordsData data_ = FakeRecordsData::Usual();
  UtcTime now_ = At("2026-11-21T12:00:00Z");
};

class Smets1Update : public Smets1 {
 protected:
  UpdateFinding Evaluate(Eui64 sender, std::vector<Eui64> replacements, Eui64 id = kEsme) {
    const auto found = EvaluateUpdate(FakeRecords(data_), device(id), sender, replacements, now_);
    EXPECT_TRUE(found && found->has_value());
    return found && found->has_value() ? **found : UpdateFinding();
  }
  std::vector<UpdateTest> Failed(Eui64 sender, Eui64 id = kEsme) {
    std::vector<UpdateTest> failed;
    for (const FailedTest& test : Evaluate(sender, {sender}, id).failed) {
      if (failed.empty() || failed.back() != test.test) failed.push_back(test.test);
    }
    return failed;
  }
};

// R-107-2: owner yes/no by registered yes/no.
TEST_F(Smets1Update, PassesTheOwnerThatIsRegisteredAndNamesWhatElseFailed) {
  for (const Eui64 id : {kEsme, kGpf}) {
    Own(kA);
    Register("NOA");
    EXPECT_THAT(Failed(kA, id), IsEmpty());
    EXPECT_THAT(Failed(kB, id), ElementsAre(UpdateTest::kOwnership, UpdateTest::kRegistration));
    Register("NOB");
    EXPECT_THAT(Failed(kA, id), ElementsAre(UpdateTest::kRegistration));
    EXPECT_THAT(Failed(kB, id), ElementsAre(UpdateTest::kOwnership));
  }
}

TEST_F(Smets1Update, RecordsBothPartiesAndWhy) {
  Own(kB);
  const UpdateFinding found = Evaluate(kA, {kA});
  EXPECT_FALSE(found.passes());
  EXPECT_EQ(found.sender_party, "NOA");
  EXPECT_EQ(found.registered_party, "NOA");
  ASSERT_EQ(found.failed.size(), 2u) << "one for each source";
  EXPECT_EQ(found.failed[0].why, "DSP names " + kB.Hyphenated() + " as owner");
  EXPECT_EQ(found.failed[1].why, "S1SP names " + kB.Hyphenated() + " as owner");
  EXPECT_EQ(Name(found.failed[0].test), "ownership");
  Own(kA);
  EXPECT_TRUE(Evaluate(kA, {kA}).passes());
}

// R-107-8: a source is not believed against the other.
TEST_F(Smets1Update, FailsOwnershipWhenEitherSourceSaysOtherwise) {
  for (const std::size_t i : {0u, 1u}) {
    Own(kA);
    data_.proxies[i].owner = kB;
    EXPECT_THAT(Failed(kA), ElementsAre(UpdateTest::kOwnership));
    EXPECT_THAT(Failed(kB), ElementsAre(UpdateTest::kOwnership, UpdateTest::kRegistration));
    Own(kA);
    data_.proxies.erase(data_.proxies.begin() + static_cast<std::ptrdiff_t>(i));
    const UpdateFinding found = Evaluate(kA, {kA});
    ASSERT_EQ(found.failed.size(), 1u);
    EXPECT_EQ(found.failed[0].why, i == 0 ? "DSP names no owner" : "S1SP names no owner");
  }
  Own(kA);
  EXPECT_THAT(Failed(kA), IsEmpty());
}

TEST_F(Smets1Update, AsksForTheRegistrationOfThatInstant) {
  for (Registration& row : data_.registrations) row.to = now_.PlusSeconds(1);
  EXPECT_THAT(Failed(kA), IsEmpty());
  now_ = now_.PlusSeconds(1);
  EXPECT_THAT(Failed(kA), ElementsAre(UpdateTest::kRegistration));
  EXPECT_THAT(Evaluate(kA, {kA}).failed[0].why, HasSubstr("no network operator is registered"));
  EXPECT_EQ(Evaluate(kA, {kA}).registered_party, "");
}

TEST_F(Smets1Update, FailsRegistrationOfASenderThatIsNoNetworkOperator) {
  for (const Eui64 sender : {kStranger, acb::testing::kSupplierUser}) {
    Own(sender);
    EXPECT_THAT(Failed(sender), ElementsAre(UpdateTest::kRegistration));
    EXPECT_EQ(Evaluate(sender, {sender}).sender_party, "");
  }
  // A party's row for gas says nothing of electricity.
  Own(kA);
  std::erase_if(data_.parties,
                [](const PartyRecord& row) { return row.role == UserRole::kGasTransporter; });
  EXPECT_THAT(Failed(kA, kGpf), ElementsAre(UpdateTest::kRegistration));
  EXPECT_THAT(Failed(kA, kEsme), IsEmpty());
}

// R-107-4.
TEST_F(Smets1Update, ObservesThatTheRightfulSenderInstallsAnothersCertificates) {
  EXPECT_THAT(Evaluate(kA, {kA, kA}).observations, IsEmpty());
  EXPECT_THAT(Evaluate(kA, {kB, kB}).observations, ElementsAre("REPLACEMENT_NOT_SENDER"));
  EXPECT_THAT(Evaluate(kA, {kA, kB}).observations, ElementsAre("REPLACEMENT_NOT_SENDER"));
  EXPECT_TRUE(Evaluate(kA, {kB}).passes()) << "nothing is blocked";
  EXPECT_THAT(Evaluate(kA, {}).observations, IsEmpty());
}

TEST_F(Smets1Update, ObservesNothingMoreOfASenderThatFailedATest) {
  EXPECT_THAT(Evaluate(kB, {kA}).observations, IsEmpty());
  Register("NOB");
  EXPECT_THAT(Evaluate(kA, {kB}).observations, IsEmpty()) << "owner, not registered";
  EXPECT_THAT(Evaluate(kB, {kA}).observations, IsEmpty()) << "registered, not owner";
}

// R-107-6.
TEST_F(Smets1Update, SaysNothingOfOtherGenerations) {
  for (const auto smets : {SmetsGeneration::kSmets2, SmetsGeneration::kUnknown}) {
    device().smets = smets;
    const std::vector<Eui64> replacements = {kB};
    const auto found = EvaluateUpdate(FakeRecords(data_), device(), kB, replacements, now_);
    ASSERT_TRUE(found);
    EXPECT_FALSE(found->has_value());
  }
}

class Smets1Deadlock : public Smets1 {
 protected:
  std::vector<DeadlockFinding> Find(Eui64 id = kEsme) {
    const FakeRecords records(data_);
    auto found = FindDeadlocks(records, device(id), *records.FindProxyCertificates(id), now_);
    EXPECT_TRUE(found);
    return found ? *std::move(found) : std::vector<DeadlockFinding>();
  }
};

// R-107-3.
TEST_F(Smets1Deadlock, NamesTheOwnerAndTheRegisteredPartyUntilTheyAreOne) {
  for (const Eui64 id : {kEsme, kGpf}) {
    Own(kB);
    const auto found = Find(id);
    ASSERT_EQ(found.size(), 1u) << "both sources agree";
    EXPECT_EQ(Name(found[0].state), "deadlock");
    EXPECT_EQ(found[0].owner, kB);
    EXPECT_EQ(found[0].owner_party, "NOB");
    EXPECT_EQ(found[0].registered_party, "NOA");
    EXPECT_EQ(found[0].registered_since, At("2020-01-01T00:00:00Z"));
    EXPECT_THAT(found[0].sources, ElementsAre(kDsp, kS1sp));
    Own(kA);
    EXPECT_THAT(Find(id), IsEmpty()) << "corrected";
    Own(kB);
    Register("NOB");
    EXPECT_THAT(Find(id), IsEmpty()) << "corrected in registration data";
    Register("NOA");
  }
}

TEST_F(Smets1Deadlock, IsOfTheSourceThatNamesAnotherOwner) {
  data_.proxies[1].owner = kB;
  const auto found = Find();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].owner, kB);
  EXPECT_THAT(found[0].sources, ElementsAre(kS1sp));
  data_.proxies[0].owner = kStranger;
  EXPECT_EQ(Find().size(), 2u);
}

TEST_F(Smets1Deadlock, KeepsAnUnknownOwnerAndAnUnmappedMeterPointApart) {
  Own(kStranger);
  auto found = Find();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(Name(found[0].state), "owner-unknown");
  EXPECT_EQ(found[0].owner_party, "");
  EXPECT_EQ(found[0].registered_party, "NOA");

  Own(kA);
  RegisterNobody();
  found = Find();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(Name(found[0].state), "unmapped");
  EXPECT_EQ(found[0].owner_party, "NOA");
  EXPECT_EQ(found[0].registered_party, "");
  EXPECT_FALSE(found[0].registered_since);

  Register("NOA");
  device().mpxn.clear();
  ASSERT_EQ(Find().size(), 1u);
  EXPECT_EQ(Name(Find()[0].state), "unmapped");
}

TEST_F(Smets1Deadlock, KnowsAnOwnerWhoseRowHasEnded) {
  Own(kB);
  for (PartyRecord& row : data_.parties) {
    if (row.user_id == kB) row.to = At("2024-01-01T00:00:00Z");
  }
  ASSERT_EQ(Find().size(), 1u);
  EXPECT_EQ(Name(Find()[0].state), "deadlock");
  EXPECT_EQ(Find()[0].owner_party, "NOB");
}

TEST_F(Smets1Deadlock, IsOfSmets1AloneAndOfRecordedOwners) {
  Own(kB);
  for (const auto smets : {SmetsGeneration::kSmets2, SmetsGeneration::kUnknown}) {
    device().smets = smets;
    EXPECT_THAT(Find(), IsEmpty());
  }
  device().smets = SmetsGeneration::kSmets1;
  EXPECT_EQ(Find().size(), 1u);
  data_.proxies.clear();
  EXPECT_THAT(Find(), IsEmpty());
}

class Smets1Reconciliation : public Smets1 {
 protected:
  using Kind = ReconciliationException::Kind;
  std::vector<Kind> Kinds() {
    std::vector<Kind> kinds;
    for (const auto& exception : Reconcile(device_, rows_)) kinds.push_back(exception.kind);
    return kinds;
  }
  void SetUp() override {
    Smets1::SetUp();
    device_ = device();
  }
  std::optional<Device> device_;
  std::vector<ProxyCertificate> rows_ = {{kEsme, kDsp, kA, "12AB"}, {kEsme, kS1sp, kA, "12AB"}};
};

// R-107-8.
TEST_F(Smets1Reconciliation, ReportsAnotherCertificateWithBothNames) {
  EXPECT_THAT(Kinds(), IsEmpty());
  rows_[1].certificate = "12AC";
  const auto found = Reconcile(device_, rows_);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(Name(found[0].kind), "copies-differ");
  ASSERT_TRUE(found[0].dsp && found[0].s1sp);
  EXPECT_EQ(found[0].dsp->certificate, "12AB");
  EXPECT_EQ(found[0].s1sp->certificate, "12AC");
  rows_[1].certificate = "12ab";
  EXPECT_THAT(Kinds(), IsEmpty()) << "the same in lower case";
  rows_[1].certificate = "12AB0";
  EXPECT_THAT(Kinds(), ElementsAre(Kind::kCopiesDiffer));
}

TEST_F(Smets1Reconciliation, ReportsAnotherOwner) {
  rows_[0].owner = kB;
  const auto found = Reconcile(device_, rows_);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].kind, Kind::kCopiesDiffer);
  EXPECT_EQ(found[0].dsp->owner, kB);
  EXPECT_EQ(found[0].s1sp->owner, kA);
}

TEST_F(Smets1Reconciliation, ReportsACopyThatIsMissing) {
  const ProxyCertificate dsp = rows_[0];
  const ProxyCertificate s1sp = rows_[1];
  rows_ = {dsp};
  auto found = Reconcile(device_, rows_);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(Name(found[0].kind), "copy-missing");
  EXPECT_TRUE(found[0].dsp && !found[0].s1sp);
  rows_ = {s1sp};
  found = Reconcile(device_, rows_);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_TRUE(!found[0].dsp && found[0].s1sp);
  rows_ = {s1sp, dsp};
  EXPECT_THAT(Kinds(), IsEmpty()) << "in either order";
  rows_ = {};
  EXPECT_THAT(Kinds(), IsEmpty()) << "no record, nothing to reconcile";
}

TEST_F(Smets1Reconciliation, ReportsADeviceThatHasNothingByProxyApart) {
  device_->smets = SmetsGeneration::kSmets2;
  EXPECT_THAT(Kinds(), ElementsAre(Kind::kNotSmets1));
  device_->smets = SmetsGeneration::kUnknown;
  EXPECT_THAT(Kinds(), ElementsAre(Kind::kGenerationUnknown));
  device_.reset();
  EXPECT_THAT(Kinds(), ElementsAre(Kind::kDeviceUnknown));
  EXPECT_TRUE(Reconcile(device_, rows_)[0].dsp) << "with what is recorded";
  rows_[0].owner = kB;
  EXPECT_THAT(Kinds(), ElementsAre(Kind::kCopiesDiffer, Kind::kDeviceUnknown));
}

}  // namespace
}  // namespace acb::smets1
