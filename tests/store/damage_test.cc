#include <algorithm>
#include <array>
#include <fstream>

#include "store/record.h"
#include "store/rows.h"
#include "tests/store/raw_store.h"
#include "tests/support/shared.h"

namespace acb::store {
namespace {

class Damage : public StoreTest {
 protected:
  // At least one record in every table that something reads.
  void SetUp() override {
    CreateFilled();
    PartyRecord party;
    party.user_id = kUser;
    party.party = "SUPA";
    ASSERT_TRUE(store_->ImportParties({party}, FeedEntry()));
    ASSERT_TRUE(store_->ImportRegistrations({{"1312345678111", "A", "B", kNow, {}}}, FeedEntry()));
    ASSERT_TRUE(store_->ImportCertificates({Bytes(300, 1)}, FeedEntry()));
    ASSERT_TRUE(store_->ImportRevocationLists({Bytes(200, 2)}, {}, FeedEntry()));
    ASSERT_TRUE(store_->ImportMpanPrefixes({{"20", "NOA"}}, FeedEntry()));
    ASSERT_TRUE(store_->ImportWorkingDays({{At("2026-12-25T00:00:00Z"), false}}, FeedEntry()));
    ASSERT_TRUE(store_->ImportProducts({{"Model-7", "1.2", {}, kNow, {}}}, FeedEntry()));
    ASSERT_TRUE(store_->ImportProxyCertificates({{kDevice, ProxySource::kDsp, kUser, "1234"}},
                                                FeedEntry()));
    ASSERT_TRUE(store_->ImportDeviceCertificates(
        {{Bytes(250, 3)}, {}, 0, {{kDevice, *TestDevice().key_agreement, {}}}}, FeedEntry()));
    ASSERT_TRUE(store_->Record(Executed(6000)));
    Observation pending = Executed(6001);
    pending.stage = ObservedStage::kPending;
    pending.roles.clear();
    ASSERT_TRUE(store_->Record(pending));
    ASSERT_TRUE(store_->ImportRepositoryStatus({{kCertificate, RepositoryStatus::kInUse, "", kNow}},
                                               FeedEntry()));
    ASSERT_TRUE(store_->Append(audit::Entry("alarm", kNow).Seal("explanation", "x")));
    ASSERT_TRUE(store_->KeepCheckpoint({1, "note"}));
    Spend(Id(1));
    ASSERT_TRUE(Reserve(Id(2, kOtherDevice)));
    store_.reset();
    Suspend();
  }

  static Observation Executed(std::uint64_t counter) {
    Observation seen(kNow);
    seen.stage = ObservedStage::kExecuted;
    seen.device = kDevice;
    seen.acb = kAcb;
    seen.originator = kUser;
    seen.counter = counter;
    seen.command = Bytes(20, 0x43);
    RoleFacts facts;
    facts.role = kNetworkRole;
    facts.result = RoleFacts::Result::kSuccess;
    facts.placed = CellState::Holder::kAcb;
    facts.floor = counter;
    seen.roles = {facts};
    return seen;
  }

  // As the operators' act leaves it.
  void Suspend() {
    const Suspension stop{SuspensionScope::kParty, "SUPA", "SSC 2026-11-21", "op-1", kNow, ""};
    const Bytes key = KeyOf(stop.scope, stop.subject);
    RawStore(settings_.directory)
        .Put(Table::kSuspensions, {key, Seal(Table::kSuspensions, key, EncodeSuspension(stop))});
  }

  // All that CheckRecords says of the closed store, in steps of `most`.
  RecordsChecked CheckAll(std::size_t most) {
    RecordsChecked all;
    const auto opened = Store::Open(settings_);
    EXPECT_TRUE(opened) << opened.error().detail;
    RecordPlace place;
    while (opened && !all.at_end) {
      const auto step = (*opened)->CheckRecords(place, most);
      EXPECT_TRUE(step);
      if (!step) break;
      EXPECT_LE(step->records, most);
      all.records += step->records;
      all.damaged.insert(all.damaged.end(), step->damaged.begin(), step->damaged.end());
      all.at_end = step->at_end;
    }
    return all;
  }

  // A call that reads the damaged record, which is the first of its table.
  Status Use(Table table) {
    auto opened = Store::Open(settings_);
    if (!opened) return std::move(opened).error();
    store_ = *std::move(opened);
    Status status = store_->Start(objects_, OrderToStart());
    if (status) status = Read(table);
    store_.reset();
    return status;
  }

  template <class T>
  static Status StatusOf(const Result<T>& result) {
    if (!result) return result.error();
    return Done{};
  }

  Status Read(Table table) {
    auto records = store_->Open();
    if (!records) return std::move(records).error();
    switch (table) {
      case Table::kSettings:
      case Table::kUnanswered:  // Start has read it
        return Done{};
      case Table::kDevices:
      case Table::kCounters:
        return StatusOf((*records)->FindDevice(kDevice));
      case Table::kParties:
        return StatusOf((*records)->FindUser(kUser));
      case Table::kRegistrations:
        return StatusOf((*records)->FindRegistrations("1312345678111"));
      case Table::kCertificates:
      case Table::kRevocationLists:
        return StatusOf(store_->LoadTrustMaterial());
      case Table::kRequests:
        return StatusOf((*records)->FindRequest(Id(1)));
      case Table::kEvidence:
        return StatusOf(store_->FindEvidence(evidence_));
      case Table::kAuditEntries:
        return StatusOf(store_->ReadAudit(0, 100));
      case Table::kAuditLeaves:
        return StatusOf(store_->ReadLeaves(0, 100));
      case Table::kFeeds:
        return StatusOf((*records)->FindLastImport(Feed::kParties));
      case Table::kMpanPrefixes:
        return StatusOf((*records)->FindMpanPrefix("20"));
      case Table::kCalendar:
        return StatusOf(store_->ImportWorkingDays({{kNow, true}}, FeedEntry()));
      case Table::kProducts:
        return StatusOf((*records)->FindProducts("Model-7"));
      case Table::kProxyCertificates: {
        const auto listed = StatusOf(store_->ListProxyCertificates(Eui64(0), 10));
        auto found = StatusOf((*records)->FindProxyCertificates(kDevice));
        EXPECT_EQ(listed.has_value(), found.has_value());
        return found;
      }
      case Table::kDeviceAuthorities:
        return StatusOf(store_->LoadDeviceAuthorities());
      case Table::kRepositoryStatus:
        return StatusOf((*records)->FindRepositoryEntry(kCertificate));
      case Table::kSuspensions:
        return StatusOf((*records)->FindSuspension(SuspensionScope::kParty, "SUPA"));
      case Table::kDeviceSigningKeys:
        return StatusOf(store_->FindDeviceSigningKey(kDevice));
      case Table::kObserved:
        return StatusOf(store_->Record(Executed(6000)));
      case Table::kPending:
        return StatusOf(store_->FindPendingCommand(kDevice, kUser, 6001));
      case Table::kAuditDisclosures:
        return StatusOf(store_->ReadDisclosures(0, 100));
      case Table::kCheckpoints:
        return StatusOf(store_->NewestCheckpoint());
      case Table::kTrustChanges:
        return store_->ReadTrustChanges(100, [](const TrustChange&) -> Status { return Done{}; });
      // As in IsLeftOut.
      case Table::kQuarantine:
      case Table::kVolume:
      case Table::kAuditNodes:
      case Table::kElsewhere:
      case Table::kAgreements:
      case Table::kHeld:
      case Table::kPendingDue:
        return Done{};
    }
    return Done{};
  }

  // Each has a test of its own, or nothing reads it here.
  static bool IsLeftOut(Table table) {
    return table == Table::kQuarantine || table == Table::kVolume || table == Table::kAuditNodes ||
           table == Table::kElsewhere || table == Table::kAgreements || table == Table::kHeld ||
           table == Table::kPendingDue;
  }

  static constexpr Sha256Digest kCertificate = {0xC7};
  Sha256Digest evidence_{};
};

// reliability.md section 1: LMDB reports none of these.
TEST_F(Damage, OfARecordOfAnyTableIsFoundAndNamed) {
  for (const TableInfo& info : kTables) {
    if (IsLeftOut(info.table)) continue;
    SCOPED_TRACE(info.name);
    if (info.table == Table::kUnanswered) {
      Reopen();  // abandons the one that was there
      ASSERT_TRUE(Reserve(Id(3, kOtherDevice)));
      store_.reset();
    }
    RawRecord good;
    {
      RawStore raw(settings_.directory);
      const auto records = raw.List(info.table);
      ASSERT_FALSE(records.empty());
      good = records.front();
    }
    if (info.table == Table::kEvidence) std::ranges::copy(good.first, evidence_.begin());
    if (info.table != Table::kUnanswered) {
      const Status sound = Use(info.table);
      ASSERT_TRUE(sound) << sound.error().detail;
    }
    // The version, the first and the last octet of the payload, the check value.
    for (const std::size_t place :
         {std::size_t{0}, std::size_t{1}, good.second.size() - 5, good.second.size() - 1}) {
      SCOPED_TRACE(place);
      RawRecord flipped = good;
      flipped.second[place] ^= 0x04;
      RawStore(settings_.directory).Put(info.table, flipped);
      const Status status = Use(info.table);
      ASSERT_THAT(status, FailsWith(Reason::kRecordDamaged));
      EXPECT_NE(status.error().detail.find("table " + std::string(info.name)), std::string::npos)
          << status.error().detail;
      EXPECT_NE(status.error().detail.find(ToHex(good.first)), std::string::npos);
    }
    RawStore(settings_.directory).Put(info.table, good);
    const Status mended = Use(info.table);
    ASSERT_TRUE(mended) << mended.error().detail;
  }
}

TEST_F(Damage, OfARecordPutUnderAnothersKeyIsFound) {
  {
    RawStore raw(settings_.directory);
    const auto records = raw.List(Table::kCounters);
    ASSERT_EQ(records.size(), 2u);
    raw.Put(Table::kCounters, {records[0].first, records[1].second});
  }
  EXPECT_THAT(Use(Table::kCounters), FailsWith(Reason::kRecordDamaged));
}

// A counter that restarts is a counter that repeats (style.md, State).
TEST_F(Damage, OfACountersRowThatIsGoneIsNotACounterAtZero) {
  {
    RawStore raw(settings_.directory);
    raw.Delete(Table::kCounters, raw.List(Table::kCounters).front().first);
  }
  EXPECT_THAT(Use(Table::kCounters), FailsWith(Reason::kRecordDamaged));
  Reopen();
  EXPECT_THAT(Reserve(Id(9)), FailsWith(Reason::kRecordDamaged));
  EXPECT_THAT(store_->ImportDevices(SourceOf({TestDevice()}), FeedEntry()),
              FailsWith(Reason::kRecordDamaged));
  EXPECT_TRUE(Reserve(Id(9, kOtherDevice))) << "other devices are not touched";
}

// Else the device could have two reservations at one time.
TEST_F(Damage, OfAnUnansweredRowThatIsGoneEndsTheReservation) {
  Reopen();
  const auto counter = Reserve(Id(9));
  ASSERT_TRUE(counter);
  store_.reset();
  {
    RawStore raw(settings_.directory);
    raw.Delete(Table::kUnanswered, KeyOf(kDevice));
  }
  Reopen();
  EXPECT_THAT(Sign(*counter), FailsWith(Reason::kChangedMeanwhile));
}

TEST_F(Damage, OfTheAuditLogsEndIsFoundAtOpen) {
  RawRecord last;
  {
    RawStore raw(settings_.directory);
    last = raw.List(Table::kAuditEntries).back();
    raw.Delete(Table::kAuditEntries, last.first);
  }
  EXPECT_THAT(Store::Open(settings_), FailsWith(Reason::kRecordDamaged));
  RawStore(settings_.directory).Put(Table::kAuditEntries, last);
  EXPECT_TRUE(Store::Open(settings_));
}

TEST_F(Damage, OfAMissingAuditEntryIsFoundWhenRead) {
  {
    RawStore raw(settings_.directory);
    raw.Delete(Table::kAuditEntries, raw.List(Table::kAuditEntries).at(1).first);
  }
  Reopen();
  EXPECT_THAT(store_->ReadAudit(0, 100), FailsWith(Reason::kRecordDamaged));
  EXPECT_TRUE(store_->ReadAudit(0, 1));
  EXPECT_TRUE(store_->ReadAudit(2, 100));
}

// design.md section 6: what nobody asks for is found too, in each table, wherever it stands in it.
TEST_F(Damage, OfARecordOfAnyTableIsFoundByTheCheckOfAll) {
  std::size_t tables = 0;
  for (const TableInfo& info : kTables) {
    SCOPED_TRACE(info.name);
    if (info.table == Table::kSettings) continue;  // opening reads them
    std::vector<RawRecord> records = RawStore(settings_.directory).List(info.table);
    if (records.empty()) continue;
    ++tables;
    const RawRecord good = records[records.size() / 2];
    RawRecord flipped = good;
    flipped.second[flipped.second.size() / 2] ^= 0x10;
    RawStore(settings_.directory).Put(info.table, flipped);
    for (const std::size_t most : {std::size_t{1}, std::size_t{1000}}) {
      const RecordsChecked checked = CheckAll(most);
      ASSERT_EQ(checked.damaged.size(), 1U);
      EXPECT_EQ(checked.damaged.front().reason, Reason::kRecordDamaged);
      EXPECT_NE(checked.damaged.front().detail.find(info.name), std::string::npos);
    }
    RawStore(settings_.directory).Put(info.table, good);
  }
  EXPECT_GE(tables, 20U);
}

TEST_F(Damage, OfNothingIsFoundInAStoreThatIsSoundAndEachRecordIsReadOnce) {
  std::uint64_t records = 0;
  for (const TableInfo& info : kTables) {
    records += RawStore(settings_.directory).List(info.table).size();
  }
  for (const std::size_t most : {std::size_t{1}, std::size_t{7}, std::size_t{1000}}) {
    const RecordsChecked checked = CheckAll(most);
    EXPECT_EQ(checked.records, records);
    EXPECT_TRUE(checked.damaged.empty());
  }
}

// The record that the last step ended with went meanwhile.
TEST_F(Damage, IsLookedForBehindARecordThatIsGone) {
  RecordPlace place{IndexOf(Table::kAuditEntries), KeyOf(std::uint64_t{1})};
  RawStore(settings_.directory).Delete(Table::kAuditEntries, place.after);
  auto opened = Store::Open(settings_);
  ASSERT_TRUE(opened);
  const auto next = (*opened)->CheckRecords(place, 1);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->records, 1U);
  EXPECT_EQ(place.after, KeyOf(std::uint64_t{2}));
}

// P6, and the invariant of the tampering cases: nothing is signed on a log that does not verify.
class LogCheck : public StoreTest {
 protected:
  static constexpr std::uint64_t kEntries = 300;  // more than the first kept subtree has

  void SetUp() override {
    CreateFilled();
    while (AuditSize() < kEntries) {
      ASSERT_TRUE(store_->Append(audit::Entry("feed", kNow)));
    }
    // A start compares the entries behind the last two of its anchors by itself.
    ASSERT_TRUE(store_->AnchorNow());
    Reopen();
    Reopen();
  }
  Status Check() {
    LogPlace place;
    while (!place.at_end()) {
      if (Status step = store_->CheckLog(place, 7); !step) return step;
    }
    EXPECT_GE(place.next, kEntries);
    return Done{};
  }
  // With a good check value, as whoever can write the file could.
  void Rewrite(Table table, std::uint64_t index, const Bytes& payload) {
    store_.reset();
    const Bytes key = KeyOf(index);
    RawStore(settings_.directory).Put(table, {key, Seal(table, key, payload)});
    Reopen();
  }
};

TEST_F(LogCheck, PassesALogThatIsWhatWasWritten) { EXPECT_TRUE(Check()); }

TEST_F(LogCheck, FindsAnEntryThatIsNotItsLeaf) {
  std::string entry = store_->ReadAudit(5, 1)->front();
  entry.back() = ' ';
  Rewrite(Table::kAuditEntries, 5, ToBytes(AsBytes(entry)));
  const Status found = Check();
  ASSERT_THAT(found, FailsWith(Reason::kRecordDamaged));
  EXPECT_NE(found.error().detail.find("audit-entries"), std::string::npos) << found.error().detail;
}

TEST_F(LogCheck, FindsAnEntryWhoseLeafWasMadeToFit) {
  std::string entry = store_->ReadAudit(5, 1)->front();
  entry.back() = ' ';
  const Sha256Digest leaf = audit::LeafHash(entry);
  Rewrite(Table::kAuditEntries, 5, ToBytes(AsBytes(entry)));
  Rewrite(Table::kAuditLeaves, 5, Bytes(leaf.begin(), leaf.end()));
  const Status found = Check();
  ASSERT_THAT(found, FailsWith(Reason::kRecordDamaged));
  EXPECT_NE(found.error().detail.find("anchor in the HSM"), std::string::npos);
}

TEST_F(LogCheck, FindsAnEntryThatIsGone) {
  store_.reset();
  RawStore(settings_.directory).Delete(Table::kAuditEntries, KeyOf(std::uint64_t{5}));
  Reopen();
  EXPECT_THAT(Check(), FailsWith(Reason::kRecordDamaged));
}

TEST_F(LogCheck, StopsReservingAndNothingElse) {
  const auto counter = Reserve(Id(1));
  ASSERT_TRUE(counter);
  store_->StopReserving({Reason::kRecordDamaged, "the log"});
  EXPECT_THAT(Reserve(Id(2, kOtherDevice)), FailsWith(Reason::kRecordDamaged));
  EXPECT_THAT(
      store_->ReserveElsewhere(
          {.device = kOtherDevice, .proposed = {}, .purpose = "8.5", .client = "dsp", .at = kNow}),
      FailsWith(Reason::kRecordDamaged));
  EXPECT_THAT(store_->attention(), FailsWith(Reason::kRecordDamaged));
  EXPECT_TRUE(Sign(*counter)) << "was begun before";
  EXPECT_TRUE(store_->Append(audit::Entry("alarm", kNow)));
}

TEST_F(Damage, IsLookedForAfterAnUncleanStopAlone) {
  Reopen();
  EXPECT_TRUE(store_->after_unclean_stop());
  ASSERT_TRUE(store_->Stop(audit::Entry("stop", kNow)));
  Reopen();
  EXPECT_FALSE(store_->after_unclean_stop());
}

// Every bit of one record, where it stands in the file.
TEST_F(Damage, OfAnyBitOfTheCountersInTheFileStopsTheDevice) {
  const auto data = settings_.directory / "data.mdb";
  const RawRecord counters = RawStore(settings_.directory).List(Table::kCounters).front();
  const Bytes before = acb::testing::ReadFile(data);
  // Older copies may stand in free pages: all are flipped.
  std::vector<std::size_t> places;
  for (auto at = before.begin();;) {
    at = std::search(at, before.end(), counters.second.begin(), counters.second.end());
    if (at == before.end()) break;
    places.push_back(static_cast<std::size_t>(at++ - before.begin()));
  }
  ASSERT_FALSE(places.empty());
  const std::vector<Bytes> anchors = token_.List();
  for (std::size_t bit = 0; bit < counters.second.size() * 8; ++bit) {
    Bytes flipped = before;
    for (const std::size_t place : places) {
      std::uint8_t& octet = flipped[place + bit / 8];
      octet = static_cast<std::uint8_t>(octet ^ 1 << bit % 8);
    }
    std::ofstream(data, std::ios::binary)
        .write(reinterpret_cast<const char*>(flipped.data()),
               static_cast<std::streamsize>(flipped.size()));
    token_.Restore(anchors);  // with the disk, so that only the bit is wrong
    Reopen();
    ASSERT_THAT(Reserve(Id(9)), FailsWith(Reason::kRecordDamaged)) << bit;
    store_.reset();
  }
}

}  // namespace
}  // namespace acb::store
