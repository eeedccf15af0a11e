// The checks that read feeds of the SMKI Repository, the Certified Products List, the ages of the
// feeds, and what operators have stopped.
#include <gtest/gtest.h>

#include "firmware/checks/certified_product.h"
#include "firmware/checks/device.h"
#include "firmware/checks/feed_age.h"
#include "firmware/checks/repository.h"
#include "firmware/checks/suspension.h"
#include "tests/fakes/fake_records.h"
#include "tests/support/test_pki.h"

namespace acb::checks {
namespace {

using testing::At;
using testing::FakeRecords;
using testing::FakeRecordsData;
using testing::TestPki;

const UtcTime kNow = At("2026-11-21T12:00:00Z");

class PolicyChecks : public ::testing::Test {
 protected:
  static Reason ReasonOf(const Status& status) {
    EXPECT_FALSE(status);
    return status ? Reason::kMalformed : status.error().reason;
  }
  void Imported(Feed feed, UtcTime at = kNow) { data_.imports[feed].at = at; }

  FakeRecordsData data_ = FakeRecordsData::Usual();
  FakeRecords records_{data_};
  Policy policy_;
};

// R-128-28.
TEST_F(PolicyChecks, FeedAgeIsNotAskedForWithoutALimit) {
  EXPECT_TRUE(CheckFeeds(records_, policy_, kNow));
}

TEST_F(PolicyChecks, FeedAgeAcceptsUpToTheLimitAndFailsAMillisecondLater) {
  policy_.feed_max_age[Feed::kRegistrations] = std::chrono::hours(48);
  Imported(Feed::kRegistrations, At("2026-11-19T12:00:00Z"));
  EXPECT_TRUE(CheckFeeds(records_, policy_, kNow));
  const Status late = CheckFeeds(records_, policy_, UtcTime(kNow.milliseconds() + 1));
  EXPECT_EQ(ReasonOf(late), Reason::kFeedStale);
  EXPECT_NE(late.error().explanation.find("registrations"), std::string::npos);
}

TEST_F(PolicyChecks, FeedAgeFailsWhenTheFeedNeverCameOrLiesInTheFuture) {
  policy_.feed_max_age[Feed::kParties] = std::chrono::hours(1);
  EXPECT_EQ(ReasonOf(CheckFeeds(records_, policy_, kNow)), Reason::kFeedStale);
  Imported(Feed::kParties, kNow.PlusSeconds(3600));
  EXPECT_TRUE(CheckFeeds(records_, policy_, kNow));
  Imported(Feed::kParties, kNow.PlusSeconds(3601));
  EXPECT_EQ(ReasonOf(CheckFeeds(records_, policy_, kNow)), Reason::kFeedStale);
}

// What the next request would be refused for is said before one comes.
TEST_F(PolicyChecks, FeedThatIsRequiredAndNeverCameIsStale) {
  const auto fails = [&](std::string_view feed) {
    const Status status = CheckFeeds(records_, policy_, kNow);
    return ReasonOf(status) == Reason::kFeedStale &&
           status.error().explanation.find(feed) != std::string::npos;
  };
  policy_.repository_required = true;
  EXPECT_TRUE(fails("repository-status"));
  Imported(Feed::kRepositoryStatus);
  EXPECT_TRUE(CheckFeeds(records_, policy_, kNow));
  policy_.products_required = true;
  EXPECT_TRUE(fails("certified-products"));
  Imported(Feed::kCertifiedProducts);
  EXPECT_TRUE(CheckFeeds(records_, policy_, kNow));
}

// P9: found by an attack. A recovery knew that newer rows were lost, and decided without them.
TEST_F(PolicyChecks, FeedWhoseNewestImportWasLostDecidesNothingWhateverItsAge) {
  Imported(Feed::kRevocationLists);
  EXPECT_TRUE(CheckFeeds(records_, policy_, kNow));
  data_.imports[Feed::kRevocationLists].lost = true;
  const Status lost = CheckFeeds(records_, policy_, kNow);
  EXPECT_EQ(ReasonOf(lost), Reason::kFeedStale);
  EXPECT_NE(lost.error().explanation.find("revocation-lists"), std::string::npos);
  Imported(Feed::kRevocationLists);
  data_.imports[Feed::kRevocationLists].lost = false;
  data_.imports[Feed::kDevices].lost = true;
  EXPECT_EQ(ReasonOf(CheckFeeds(records_, policy_, kNow)), Reason::kFeedStale)
      << "status and floors are older than what was in force, also of a cell that is known again";
}

// R-SEC3-70.
TEST_F(PolicyChecks, ProductIsAskedForFromTheFirstImportOnOrWhereRequired) {
  const Device& device = data_.devices.at(testing::kEsme);
  EXPECT_TRUE(CheckCertifiedProduct(records_, policy_, device, kNow));
  policy_.products_required = true;
  EXPECT_EQ(ReasonOf(CheckCertifiedProduct(records_, policy_, device, kNow)), Reason::kFeedStale);
  Imported(Feed::kCertifiedProducts);
  EXPECT_EQ(ReasonOf(CheckCertifiedProduct(records_, policy_, device, kNow)),
            Reason::kDeviceStatus);
}

TEST_F(PolicyChecks, ProductNeedsAnEntryInForceForTheModel) {
  Imported(Feed::kCertifiedProducts);
  Device device = data_.devices.at(testing::kEsme);
  device.model = "METER-1";
  CertifiedProduct entry{.model = "METER-1", .firmware = "1", .from = At("2020-01-01T00:00:00Z")};
  data_.products = {entry};
  EXPECT_TRUE(CheckCertifiedProduct(records_, policy_, device, kNow));
  data_.products[0].to = kNow;
  EXPECT_EQ(ReasonOf(CheckCertifiedProduct(records_, policy_, device, kNow)),
            Reason::kDeviceStatus);
  data_.products[0] = entry;
  data_.products[0].from = kNow.PlusSeconds(1);
  EXPECT_EQ(ReasonOf(CheckCertifiedProduct(records_, policy_, device, kNow)),
            Reason::kDeviceStatus);
  data_.products[0] = entry;
  device.model = "METER-2";
  EXPECT_EQ(ReasonOf(CheckCertifiedProduct(records_, policy_, device, kNow)),
            Reason::kDeviceStatus);
}

// R-SEC3-71.
TEST_F(PolicyChecks, DeviceOfASuspendedHubIsRefused) {
  const Eui64 hub(0x00DB1234567890CC);
  data_.devices.at(testing::kEsme).communications_hub = hub;
  data_.devices.emplace(hub, testing::AcbDevice(hub, DeviceType::kChf, ""));
  const auto check = [&] {
    return CheckDevice(records_, data_.devices.at(testing::kEsme),
                       RemotePartyRole::kNetworkOperator);
  };
  EXPECT_TRUE(check());
  data_.devices.at(hub).smi_status = SmiStatus::kSuspended;
  ASSERT_FALSE(check());
  EXPECT_EQ(check().error().reason, Reason::kDeviceStatus);
  data_.devices.erase(hub);
  ASSERT_FALSE(check());
  EXPECT_EQ(check().error().reason, Reason::kDeviceStatus);
}

// R-128-7, R-SEC3-23.
TEST_F(PolicyChecks, RepositoryIsAskedForFromTheFirstImportOnOrWhereRequired) {
  const auto certificate = TestPki::Get().Certificate("no-a-ds");
  EXPECT_TRUE(CheckRepository(records_, policy_, {certificate}));
  policy_.repository_required = true;
  EXPECT_EQ(ReasonOf(CheckRepository(records_, policy_, {certificate})), Reason::kFeedStale);
  Imported(Feed::kRepositoryStatus);
  EXPECT_EQ(ReasonOf(CheckRepository(records_, policy_, {certificate})), Reason::kNotInRepository);
  data_.held.insert(certificate->sha256());
  EXPECT_TRUE(CheckRepository(records_, policy_, {certificate}));
}

TEST_F(PolicyChecks, RepositoryStatusCountsBeforeAnyListSaysSo) {
  Imported(Feed::kRepositoryStatus);
  const auto certificate = TestPki::Get().Certificate("no-a-ds");
  data_.held.insert(certificate->sha256());
  RepositoryEntry& entry = data_.repository[certificate->sha256()];
  entry.status = RepositoryStatus::kInUse;
  EXPECT_TRUE(CheckRepository(records_, policy_, {certificate}));
  entry.status = RepositoryStatus::kRevoked;
  entry.reason = "ceased to be a DCC User";
  const Status revoked = CheckRepository(records_, policy_, {certificate});
  EXPECT_EQ(ReasonOf(revoked), Reason::kCertRevoked);
  EXPECT_NE(revoked.error().explanation.find("ceased to be a DCC User"), std::string::npos);
  entry.status = RepositoryStatus::kNotInUse;
  EXPECT_EQ(ReasonOf(CheckRepository(records_, policy_, {certificate})), Reason::kNotInRepository);
  entry.status = RepositoryStatus::kExpired;
  EXPECT_EQ(ReasonOf(CheckRepository(records_, policy_, {certificate})), Reason::kNotInRepository);
}

// Found by an attack: an order by name was undone by the next row of the register of parties.
TEST_F(PolicyChecks, AnotherNameOfTheUserLiftsNoSuspension) {
  const auto check = [&](std::string_view at = "2026-11-22T00:00:00Z") {
    return CheckUserNotSuspended(records_, testing::kSupplierUser, "the party", true, At(at));
  };
  data_.suspensions = {{.scope = SuspensionScope::kParty,
                        .subject = "SUPA",
                        .authority = "SSC 1",
                        .by = "operator",
                        .since = At("2026-11-20T00:00:00Z"),
                        .lift_by = {}}};
  PartyRecord renamed = data_.parties[0];
  renamed.party = "SUPNEW";
  renamed.from = At("2026-11-21T00:00:00Z");
  data_.parties.push_back(renamed);
  EXPECT_EQ(ReasonOf(check()), Reason::kSuspended);
  for (PartyRecord& row : data_.parties) {
    if (row.user_id == testing::kSupplierUser && row.party == "SUPA") row.to = renamed.from;
  }
  EXPECT_EQ(ReasonOf(check()), Reason::kSuspended) << "it had that name when the order was made";
  data_.suspensions[0].since = renamed.from;
  EXPECT_TRUE(check()) << "a name it had given up by then";
  data_.suspensions[0].subject = "SUPNEW";
  EXPECT_EQ(ReasonOf(check()), Reason::kSuspended);
  EXPECT_TRUE(check("2026-11-20T23:59:59Z")) << "a name it does not have yet";
}

// R-SEC3-56, R-SEC3-52.
TEST_F(PolicyChecks, SuspensionStopsWhatItNamesAndNothingElse) {
  const auto stop = [&](SuspensionScope scope, std::string subject) {
    data_.suspensions = {{.scope = scope,
                          .subject = std::move(subject),
                          .authority = "SSC 1",
                          .by = "operator",
                          .since = kNow,
                          .lift_by = {}}};
  };
  const smki::CertificatePtr held = TestPki::Get().Certificate("no-a-ds");
  const smki::Certificate& certificate = *held;
  EXPECT_TRUE(CheckSigningNotSuspended(records_));

  stop(SuspensionScope::kAll, "");
  EXPECT_EQ(ReasonOf(CheckSigningNotSuspended(records_)), Reason::kSigningSuspended);
  EXPECT_EQ(Describe(Reason::kSigningSuspended).kind, ReasonKind::kFault);

  stop(SuspensionScope::kParty, "SUPA");
  EXPECT_TRUE(CheckSigningNotSuspended(records_));
  const auto check = [&](Eui64 user, bool say_by_whom) {
    return CheckUserNotSuspended(records_, user, "the party", say_by_whom, kNow);
  };
  EXPECT_EQ(ReasonOf(check(testing::kSupplierUser, true)), Reason::kSuspended);
  EXPECT_NE(check(testing::kSupplierUser, true).error().explanation.find("SSC"), std::string::npos);
  EXPECT_EQ(check(testing::kSupplierUser, false).error().explanation.find("SSC"), std::string::npos)
      << "another party's data";
  EXPECT_TRUE(check(testing::kOtherSupplierUser, true));

  stop(SuspensionScope::kDevice, testing::kEsme.Hyphenated());
  EXPECT_EQ(ReasonOf(CheckDeviceNotBlocked(records_, testing::kEsme)), Reason::kBlocked);
  EXPECT_TRUE(CheckDeviceNotBlocked(records_, testing::kGpf));

  EXPECT_TRUE(CheckCertificateNotBlocked(records_, certificate));
  stop(SuspensionScope::kSubject, certificate.eui64()->Hyphenated());
  EXPECT_EQ(ReasonOf(CheckCertificateNotBlocked(records_, certificate)), Reason::kBlocked);
  stop(SuspensionScope::kIssuer, IssuerSubject(certificate.issuer()));
  EXPECT_EQ(ReasonOf(CheckCertificateNotBlocked(records_, certificate)), Reason::kBlocked);
  stop(SuspensionScope::kIssuer, "cn=other,ou=07");
  EXPECT_TRUE(CheckCertificateNotBlocked(records_, certificate));
}

// R-128-7: of the signer, the issuing authorities and the ACB's own.
TEST_F(PolicyChecks, RepositoryIsAskedOfOthersForRevokedAlone) {
  const auto certificate = TestPki::Get().Certificate("supplier-xml");
  const auto check = [&] {
    return CheckNotRevokedInRepository(records_, *certificate, Reason::kCertRevoked);
  };
  EXPECT_TRUE(check());
  data_.repository[certificate->sha256()].status = RepositoryStatus::kExpired;
  EXPECT_TRUE(check());
  data_.repository[certificate->sha256()].status = RepositoryStatus::kRevoked;
  EXPECT_EQ(ReasonOf(check()), Reason::kCertRevoked);
}

}  // namespace
}  // namespace acb::checks
