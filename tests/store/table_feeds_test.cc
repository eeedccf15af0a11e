// The feeds that replace a table or add certificates: each row read back, and what replaces what.
#include "store/record.h"
#include "store/rows.h"
#include "tests/store/raw_store.h"

namespace acb::store {
namespace {

using ::testing::UnorderedElementsAre;

constexpr Sha256Digest kOne = {1};
constexpr Sha256Digest kTwo = {2};
constexpr Eui64 kHub{0x00DB1234567890A9};

class TableFeeds : public StoreTest {
 protected:
  void SetUp() override {
    Create();
    Reopen();
  }
  std::unique_ptr<Records> Read() { return *store_->Open(); }
  // Rows and changed rows of an import that is done twice: the second time nothing changes.
  template <class Rows>
  std::pair<std::uint64_t, std::uint64_t> Twice(
      Result<ImportOutcome> (Store::*import)(const Rows&, const audit::Entry&), const Rows& rows) {
    const auto first = (store_.get()->*import)(rows, FeedEntry());
    EXPECT_TRUE(first) << first.error().explanation << first.error().detail;
    const auto second = (store_.get()->*import)(rows, FeedEntry());
    EXPECT_TRUE(second && second->changed == 0 && second->rows == first->rows);
    return {first->rows, first->changed};
  }
  using Counts = std::pair<std::uint64_t, std::uint64_t>;
};

// R-063-2.
TEST_F(TableFeeds, ReplaceTheMpanPrefixes) {
  EXPECT_EQ(Twice(&Store::ImportMpanPrefixes, {{"20", "NOA"}, {"07", "NOB"}}), Counts(2, 2));
  Reopen();
  EXPECT_EQ((*Read()->FindMpanPrefix("20"))->party, "NOA");
  EXPECT_EQ((*Read()->FindMpanPrefix("20"))->prefix, "20");
  // One new, one as before, one withdrawn.
  EXPECT_EQ(Twice(&Store::ImportMpanPrefixes, {{"20", "NOA"}, {"11", "NOC"}}), Counts(2, 2));
  EXPECT_FALSE(*Read()->FindMpanPrefix("07"));
  EXPECT_EQ((*Read()->FindMpanPrefix("11"))->party, "NOC");
  for (const char* other : {"", "2", "201", "99"}) EXPECT_FALSE(*Read()->FindMpanPrefix(other));
  EXPECT_EQ(Twice(&Store::ImportMpanPrefixes, {}), Counts(0, 2));
  EXPECT_FALSE(*Read()->FindMpanPrefix("20"));
}

TEST_F(TableFeeds, RefuseAFileWithTwoRowsForOneThing) {
  ASSERT_TRUE(store_->ImportMpanPrefixes({{"20", "NOA"}}, FeedEntry()));
  EXPECT_THAT(store_->ImportMpanPrefixes({{"11", "NOA"}, {"11", "NOB"}}, FeedEntry()),
              FailsWith(Reason::kFeedRejected));
  EXPECT_THAT(store_->ImportMpanPrefixes({{"1", "NOA"}}, FeedEntry()),
              FailsWith(Reason::kFeedRejected));
  EXPECT_TRUE((*Read()->FindMpanPrefix("20")).has_value()) << "nothing was replaced";
  const ProxyCertificate proxy{kDevice, ProxySource::kDsp, kUser, "1"};
  EXPECT_THAT(store_->ImportProxyCertificates({proxy, proxy}, FeedEntry()),
              FailsWith(Reason::kFeedRejected));
  EXPECT_TRUE(store_->ImportProxyCertificates({proxy}, FeedEntry()));
}

TEST_F(TableFeeds, ReplaceTheWorkingDays) {
  const CalendarDay christmas{At("2026-12-25T00:00:00Z"), false};
  const CalendarDay saturday{At("2026-11-28T00:00:00Z"), true};
  EXPECT_EQ(Twice(&Store::ImportWorkingDays, {christmas, saturday}), Counts(2, 2));
  EXPECT_EQ(Twice(&Store::ImportWorkingDays, {christmas}), Counts(1, 1));
  EXPECT_EQ(Twice(&Store::ImportWorkingDays, {{christmas.day, true}}), Counts(1, 1));
  store_.reset();
  EXPECT_EQ(RawStore(settings_.directory).List(Table::kCalendar).size(), 1u);
}

// R-SEC3-73.
TEST_F(TableFeeds, ReplaceTheProductsAndKeepTheHashOfEach) {
  const CertifiedProduct old{"Model-7", "1.2", kOne, At("2020-01-01T00:00:00Z"),
                             At("2025-01-01T00:00:00Z")};
  const CertifiedProduct now{"Model-7", "1.2", kTwo, At("2025-01-01T00:00:00Z"), {}};
  const CertifiedProduct other{"Model-70", "1.2", kOne, At("2020-01-01T00:00:00Z"), {}};
  EXPECT_EQ(Twice(&Store::ImportProducts, {old, now, other}), Counts(3, 3));
  Reopen();
  const auto rows = Read()->FindProducts("Model-7");
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 2u);
  EXPECT_EQ((*rows)[0].to, old.to);
  EXPECT_EQ((*rows)[0].firmware_sha256, kOne);
  EXPECT_EQ((*rows)[1].firmware, "1.2");
  EXPECT_EQ((*rows)[1].from, now.from);
  EXPECT_FALSE((*rows)[1].to);
  EXPECT_EQ((*rows)[1].model, "Model-7");
  EXPECT_EQ(Twice(&Store::ImportProducts, {other}), Counts(1, 2));
  EXPECT_TRUE(Read()->FindProducts("Model-7")->empty()) << "off the list";
  EXPECT_TRUE(Read()->FindProducts(std::string(300, 'm'))->empty());
}

TEST_F(TableFeeds, RefuseMoreProductsOfAModelThanCanBeRead) {
  std::vector<CertifiedProduct> rows;
  for (std::int64_t i = 0; i < 10'000; ++i) {
    rows.push_back({"Model-7", "1", kOne, kNow.PlusSeconds(i), {}});
  }
  EXPECT_TRUE(store_->ImportProducts(rows, FeedEntry()));
  EXPECT_EQ(Read()->FindProducts("Model-7")->size(), 10'000u);
  rows.push_back({"Model-7", "2", kOne, kNow, {}});
  EXPECT_THAT(store_->ImportProducts(rows, FeedEntry()), FailsWith(Reason::kFeedRejected));
  rows.back().model = "Model-8";
  EXPECT_TRUE(store_->ImportProducts(rows, FeedEntry()));
}

// R-107-8: what each source says stands beside the other's.
TEST_F(TableFeeds, ReplaceTheProxyCertificatesOfTheSourcesThatTheFileNames) {
  const ProxyCertificate dsp{kDevice, ProxySource::kDsp, kUser, "1234"};
  const ProxyCertificate dsp_too{kOtherDevice, ProxySource::kDsp, kUser, "77"};
  const ProxyCertificate s1sp{kDevice, ProxySource::kS1sp, kAcb, "5678"};
  EXPECT_EQ(Twice(&Store::ImportProxyCertificates, {dsp, s1sp, dsp_too}), Counts(3, 3));
  Reopen();
  const auto rows = Read()->FindProxyCertificates(kDevice);
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 2u);
  EXPECT_EQ((*rows)[0].source, ProxySource::kDsp);
  EXPECT_EQ((*rows)[0].owner, kUser);
  EXPECT_EQ((*rows)[0].certificate, "1234");
  EXPECT_EQ((*rows)[1].source, ProxySource::kS1sp);
  EXPECT_EQ((*rows)[1].device, kDevice);
  EXPECT_EQ((*rows)[1].certificate, "5678");
  // The DSP's second row is withdrawn, its first one changes; the S1SP's stays.
  EXPECT_EQ(Twice(&Store::ImportProxyCertificates, {{kDevice, ProxySource::kDsp, kUser, "9"}}),
            Counts(1, 2));
  EXPECT_TRUE(Read()->FindProxyCertificates(kOtherDevice)->empty());
  EXPECT_EQ(Read()->FindProxyCertificates(kDevice)->size(), 2u);
}

// R-107-3, R-107-8: the reports walk it. A device's records are never torn apart by a page's end.
TEST_F(TableFeeds, ListTheProxyCertificatesByDeviceInPages) {
  const auto row = [](std::uint64_t device, ProxySource source) {
    return ProxyCertificate{Eui64(device), source, kUser, std::to_string(device)};
  };
  constexpr auto kDsp = ProxySource::kDsp;
  constexpr auto kS1sp = ProxySource::kS1sp;
  constexpr std::uint64_t kLast = ~std::uint64_t{0};
  // Of both, of one source alone in a run that is longer than a page, and the last there can be.
  ASSERT_TRUE(store_->ImportProxyCertificates(
      {row(1, kS1sp), row(2, kDsp), row(2, kS1sp), row(3, kDsp), row(4, kDsp), row(5, kDsp),
       row(6, kDsp), row(6, kS1sp), row(7, kS1sp), row(kLast, kDsp), row(kLast, kS1sp)},
      FeedEntry()));
  using Seen = std::vector<std::pair<std::uint64_t, ProxySource>>;
  const Seen all = {{1, kS1sp}, {2, kDsp},  {2, kS1sp}, {3, kDsp},     {4, kDsp},     {5, kDsp},
                    {6, kDsp},  {6, kS1sp}, {7, kS1sp}, {kLast, kDsp}, {kLast, kS1sp}};
  for (const std::size_t devices : {1u, 2u, 3u, 7u, 8u, 9u, 100'000u}) {
    Seen seen;
    std::optional<Eui64> from = Eui64(0);
    std::size_t pages = 0;
    for (; from && pages < 20; ++pages) {
      const auto page = store_->ListProxyCertificates(*from, devices);
      ASSERT_TRUE(page);
      for (const ProxyCertificate& each : page->rows) {
        EXPECT_EQ(each.certificate, std::to_string(each.device.value()));
        seen.emplace_back(each.device.value(), each.source);
      }
      from = page->next;
    }
    EXPECT_EQ(seen, all) << devices << " a page";
    EXPECT_EQ(pages, (8 + devices - 1) / devices) << devices << " a page";
  }
  EXPECT_EQ(store_->ListProxyCertificates(Eui64(7), 1)->next, Eui64(kLast));
  EXPECT_EQ(store_->ListProxyCertificates(Eui64(8), 0)->rows.size(), 2u) << "never none: no end";
}

TEST_F(TableFeeds, ListNoProxyCertificatesWhenThereAreNone) {
  EXPECT_TRUE(store_->ListProxyCertificates(Eui64(0), 10)->rows.empty());
  EXPECT_FALSE(store_->ListProxyCertificates(Eui64(0), 10)->next);
}

// R-128-7, R-128-30.
TEST_F(TableFeeds, KeepTheRepositoryStatusAndNeverUndoARevocation) {
  const RepositoryEntry in_use{kOne, RepositoryStatus::kInUse, "", kNow};
  const RepositoryEntry revoked{kOne, RepositoryStatus::kRevoked, "ceased to be a DCC User", kNow};
  EXPECT_EQ(Twice(&Store::ImportRepositoryStatus,
                  {in_use, {kTwo, RepositoryStatus::kNotInUse, "", kNow}}),
            Counts(2, 2));
  EXPECT_EQ(Twice(&Store::ImportRepositoryStatus, {revoked}), Counts(1, 1));
  Reopen();
  const auto found = Read()->FindRepositoryEntry(kOne);
  ASSERT_TRUE(found && found->has_value());
  EXPECT_EQ((*found)->certificate, kOne);
  EXPECT_EQ((*found)->status, RepositoryStatus::kRevoked);
  EXPECT_EQ((*found)->reason, "ceased to be a DCC User");
  EXPECT_EQ((*found)->since, kNow);
  EXPECT_EQ((*Read()->FindRepositoryEntry(kTwo))->status, RepositoryStatus::kNotInUse) << "stays";
  EXPECT_FALSE(*Read()->FindRepositoryEntry({3}));

  EXPECT_THAT(store_->ImportRepositoryStatus({{kTwo, RepositoryStatus::kInUse, "", kNow}, in_use},
                                             FeedEntry()),
              FailsWith(Reason::kFeedRejected));
  EXPECT_EQ((*Read()->FindRepositoryEntry(kTwo))->status, RepositoryStatus::kNotInUse);
  // By no way round either.
  for (const auto status : {RepositoryStatus::kNotInUse, RepositoryStatus::kExpired}) {
    EXPECT_EQ(Twice(&Store::ImportRepositoryStatus, {{kOne, status, "", kNow}}), Counts(1, 0));
    EXPECT_THAT(store_->ImportRepositoryStatus({in_use}, FeedEntry()),
                FailsWith(Reason::kFeedRejected));
  }
  EXPECT_EQ((*Read()->FindRepositoryEntry(kOne))->status, RepositoryStatus::kRevoked);
}

TEST_F(TableFeeds, KnowTheCertificatesThatAFeedBrought) {
  const Bytes held = {1, 2, 3};
  EXPECT_FALSE(*Read()->HoldsCertificate(Sha256(held)));
  ASSERT_TRUE(store_->ImportCertificates({held}, FeedEntry()));
  EXPECT_TRUE(*Read()->HoldsCertificate(Sha256(held)));
  ASSERT_TRUE(store_->ImportDeviceCertificates({{Bytes{9}}, {}, 0}, FeedEntry()));
  EXPECT_FALSE(*Read()->HoldsCertificate(Sha256(Bytes{9}))) << "R-SEC3-13: another PKI";
}

// R-SEC3-20.
TEST_F(TableFeeds, KeepDeviceAuthoritiesAndTheKeysOfKnownDevices) {
  Import({TestDevice()});
  PublicPoint key{};
  key.fill(0x21);
  key.front() = 0x04;
  const DeviceCertificates file{{Bytes{1}, Bytes{2}}, {{kDevice, key, kTwo}}, 4};
  EXPECT_EQ(Twice(&Store::ImportDeviceCertificates, file), Counts(7, 3));
  Reopen();
  EXPECT_EQ(FindDevice()->key_agreement, key);
  EXPECT_EQ(FindDevice()->key_agreement_certificate, kTwo);
  EXPECT_EQ(FindDevice()->mpxn, TestDevice().mpxn);
  EXPECT_EQ(FindDevice()->supplier.floor->value(), kSupplierFloor);
  EXPECT_THAT(*store_->LoadDeviceAuthorities(), UnorderedElementsAre(Bytes{1}, Bytes{2}));
  EXPECT_TRUE(store_->LoadTrustMaterial()->certificates.empty()) << "R-SEC3-13: another PKI";

  EXPECT_THAT(
      store_->ImportDeviceCertificates({{Bytes{3}}, {{kOtherDevice, key, kTwo}}, 0}, FeedEntry()),
      FailsWith(Reason::kFeedRejected));
  EXPECT_EQ(store_->LoadDeviceAuthorities()->size(), 2u);
}

TEST_F(TableFeeds, LeaveTheKeyThatIsHeldWhenTheDevicesFeedHasNone) {
  Import({TestDevice()});
  Device without = TestDevice();
  without.key_agreement.reset();
  without.key_agreement_certificate = {};
  without.model = "Model-8";
  Import({without});
  EXPECT_EQ(FindDevice()->model, "Model-8");
  EXPECT_EQ(FindDevice()->key_agreement, TestDevice().key_agreement);
  EXPECT_EQ(FindDevice()->key_agreement_certificate, TestDevice().key_agreement_certificate);
  Device with = without;
  with.key_agreement = TestDevice().key_agreement;
  with.key_agreement_certificate = kOne;
  Import({with});
  EXPECT_EQ(FindDevice()->key_agreement_certificate, kOne);
}

// R-SEC3-71: a file without the column says nothing, an empty field says none.
TEST_F(TableFeeds, LeaveTheHubThatIsRecordedWhenTheFileHasNoHubs) {
  Device device = TestDevice();
  device.communications_hub = kHub;
  const auto import = [&](HubColumn column) {
    const auto done = store_->ImportDevices(SourceOf({device}), FeedEntry(), column);
    EXPECT_TRUE(done);
    return done->changed;
  };
  EXPECT_EQ(import(HubColumn::kPresent), 1u);
  EXPECT_EQ(import(HubColumn::kPresent), 0u);
  Reopen();
  EXPECT_EQ(FindDevice()->communications_hub, kHub);
  EXPECT_EQ(FindDevice()->model, TestDevice().model);
  device.communications_hub.reset();
  EXPECT_EQ(import(HubColumn::kAbsent), 0u);
  EXPECT_EQ(FindDevice()->communications_hub, kHub);
  EXPECT_EQ(import(HubColumn::kPresent), 1u);
  EXPECT_FALSE(FindDevice()->communications_hub);
}

// Which of the ACB's keys a cell holds: said by a file, or left as it was; gone with the holder.
TEST_F(TableFeeds, KeepTheAcbsKeyOfACellUntilSomethingElseIsSaid) {
  constexpr AcbKeyId kFirst{1};
  constexpr AcbKeyId kSecond{2};
  Device device = TestDevice();
  const auto import = [&](std::optional<AcbKeyId> key) {
    device.supplier.acb_key = key;
    Import({device});
    return FindDevice()->supplier.acb_key;
  };
  EXPECT_EQ(import({}), std::nullopt);
  EXPECT_EQ(import(kFirst), kFirst);
  EXPECT_EQ(import({}), kFirst);
  EXPECT_EQ(import(kSecond), kSecond);
  Reopen();
  EXPECT_EQ(FindDevice()->supplier.acb_key, kSecond);
  EXPECT_EQ(FindDevice()->network_operator.acb_key, std::nullopt);
  device.supplier = Cell(CellState::Holder::kParty, {});
  EXPECT_EQ(import({}), std::nullopt);
  device.supplier = OfAcb(kSupplierFloor);
  EXPECT_EQ(import({}), std::nullopt) << "it was another's meanwhile";
}

// R-SEC3-17: the table does not grow for ever.
TEST_F(TableFeeds, DropTheRevocationListsThatAreSuperseded) {
  ASSERT_TRUE(store_->ImportRevocationLists({Bytes{1}, Bytes{2}}, {}, FeedEntry()));
  const auto done =
      store_->ImportRevocationLists({Bytes{3}}, {Sha256(Bytes{1}), Sha256(Bytes{8})}, FeedEntry());
  ASSERT_TRUE(done) << done.error().explanation;
  EXPECT_EQ(done->changed, 1u);
  EXPECT_THAT(store_->LoadTrustMaterial()->revocation_lists,
              UnorderedElementsAre(Bytes{2}, Bytes{3}));
}

TEST_F(TableFeeds, SayWhenAndWhatTheNewestImportOfEachWas) {
  ASSERT_TRUE(store_->ImportMpanPrefixes({{"20", "NOA"}}, FeedEntry()));
  const UtcTime later = kNow.PlusSeconds(60);
  const auto second =
      store_->ImportMpanPrefixes({{"20", "NOB"}, {"11", "NOB"}}, audit::Entry("feed", later));
  ASSERT_TRUE(second);
  Reopen();
  const auto last = Read()->FindLastImport(Feed::kMpanPrefixes);
  ASSERT_TRUE(last && last->has_value());
  EXPECT_EQ((*last)->rows, 2u);
  EXPECT_EQ((*last)->changed, 2u);
  EXPECT_EQ((*last)->at, later);
  EXPECT_EQ((*last)->audit_index, second->receipt.index);
  EXPECT_FALSE(*Read()->FindLastImport(Feed::kWorkingDays));
}

TEST_F(TableFeeds, RaiseTheGenerationWhenAnythingChanges) {
  ASSERT_TRUE(store_->ImportMpanPrefixes({{"20", "NOA"}}, FeedEntry()));
  EXPECT_EQ(*store_->TrustGeneration(), 1u);
  ASSERT_TRUE(store_->ImportMpanPrefixes({{"20", "NOA"}}, FeedEntry()));
  EXPECT_EQ(*store_->TrustGeneration(), 1u);
  ASSERT_TRUE(store_->ImportMpanPrefixes({}, FeedEntry()));
  EXPECT_EQ(*store_->TrustGeneration(), 2u) << "a withdrawn row is a change";
}

// What the operators' acts write (R-SEC3-56), read back.
TEST_F(TableFeeds, FindASuspensionByScopeAndSubject) {
  const std::string longest(kMaxSuspensionSubject, 's');
  const Suspension stop{SuspensionScope::kIssuer, longest, "SSC 2026-11-21", "op-1", kNow, "op-2"};
  const Suspension all{SuspensionScope::kAll, "", "PMA", "op-2", kNow, ""};
  EXPECT_FALSE(*Read()->FindSuspension(SuspensionScope::kAll, ""));
  store_.reset();
  for (const Suspension& each : {stop, all}) {
    const Bytes key = KeyOf(each.scope, each.subject);
    RawStore(settings_.directory)
        .Put(Table::kSuspensions, {key, Seal(Table::kSuspensions, key, EncodeSuspension(each))});
  }
  Reopen();
  const auto found = Read()->FindSuspension(SuspensionScope::kIssuer, longest);
  ASSERT_TRUE(found && found->has_value());
  EXPECT_EQ((*found)->scope, stop.scope);
  EXPECT_EQ((*found)->subject, stop.subject);
  EXPECT_EQ((*found)->authority, stop.authority);
  EXPECT_EQ((*found)->by, stop.by);
  EXPECT_EQ((*found)->since, stop.since);
  EXPECT_EQ((*found)->lift_by, stop.lift_by);
  EXPECT_TRUE((*Read()->FindSuspension(SuspensionScope::kAll, "")).has_value());
  EXPECT_FALSE(*Read()->FindSuspension(SuspensionScope::kSubject, longest));
  EXPECT_FALSE(*Read()->FindSuspension(SuspensionScope::kIssuer, longest + "s"));
}

}  // namespace
}  // namespace acb::store
