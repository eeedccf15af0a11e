#include "store/packed_device.h"
#include "store/rows.h"
#include "tests/store/store_fixture.h"

namespace acb::store {
namespace {

using ::testing::HasSubstr;

class Feeds : public StoreTest {
 protected:
  void SetUp() override {
    Create();
    Reopen();
  }
  std::unique_ptr<Records> Read() { return *store_->Open(); }
};

PartyRecord Party(UserRole role, std::string_view from) {
  PartyRecord row;
  row.user_id = kUser;
  row.party = "SUPA";
  row.role = role;
  row.from = At(from);
  row.to = At("2030-01-01T00:00:00Z");
  row.uept = true;
  row.notice_to_cease = At("2029-01-01T00:00:00Z");
  return row;
}

TEST_F(Feeds, KeepPartiesByUserRoleAndStart) {
  PartyRecord first = Party(UserRole::kImportSupplier, "2020-01-01T00:00:00Z");
  const PartyRecord later = Party(UserRole::kImportSupplier, "2025-01-01T00:00:00Z");
  const PartyRecord other = Party(UserRole::kGasSupplier, "2020-01-01T00:00:00Z");
  auto outcome = store_->ImportParties({first, later, other}, FeedEntry());
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->rows, 3u);
  EXPECT_EQ(outcome->changed, 3u);
  first.status = PartyStatus::kSuspended;
  outcome = store_->ImportParties({first, later}, FeedEntry());
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->changed, 1u);
  Reopen();
  const auto rows = Read()->FindUser(kUser);
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 3u);
  const PartyRecord& read = rows->front();
  EXPECT_EQ(read.user_id, kUser);
  EXPECT_EQ(read.party, "SUPA");
  EXPECT_EQ(read.status, PartyStatus::kSuspended);
  EXPECT_EQ(read.from, first.from);
  EXPECT_EQ(read.to, first.to);
  EXPECT_TRUE(read.uept);
  EXPECT_EQ(read.notice_to_cease, first.notice_to_cease);
  EXPECT_TRUE(Read()->FindUser(kAcb)->empty());
}

// R-SEC3-10: as of the last import, and of the moment at which the records were opened.
TEST_F(Feeds, FindWhatSpeaksAgainstAPartyUnderAnyUserId) {
  EXPECT_TRUE(Read()->FindRowsAgainst("SUPA")->empty());
  PartyRecord row;
  row.user_id = Eui64(0x1234);
  row.party = "SUPA";
  row.role = UserRole::kOtherUser;
  row.status = PartyStatus::kExpelled;
  row.from = At("2020-01-01T00:00:00Z");
  const auto before = Read();
  ASSERT_TRUE(store_->ImportParties({row}, FeedEntry()));
  EXPECT_TRUE(before->FindRowsAgainst("SUPA")->empty());
  const auto found = Read()->FindRowsAgainst("SUPA");
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 1u);
  EXPECT_EQ(found->front().user_id, row.user_id);
  EXPECT_TRUE(Read()->FindRowsAgainst("SUPB")->empty());
  row.status = PartyStatus::kActive;
  row.notice_to_cease = At("2021-01-01T00:00:00Z");
  ASSERT_TRUE(store_->ImportParties({row}, FeedEntry()));
  EXPECT_EQ(Read()->FindRowsAgainst("SUPA")->size(), 1u);
  row.notice_to_cease.reset();
  ASSERT_TRUE(store_->ImportParties({row}, FeedEntry()));
  EXPECT_TRUE(Read()->FindRowsAgainst("SUPA")->empty());
}

TEST_F(Feeds, KeepHistoryAndFutureOfRegistrations) {
  const Registration past{"1312345678111", "SUPA", "NOA", At("2020-01-01T00:00:00Z"),
                          At("2025-01-01T00:00:00Z")};
  const Registration future{"1312345678111", "SUPB", "NOB", At("2025-01-01T00:00:00Z"), {}};
  const Registration other{"13123456781", "SUPC", "NOC", At("2025-01-01T00:00:00Z"), {}};
  ASSERT_TRUE(store_->ImportRegistrations({past, other}, FeedEntry()));
  ASSERT_TRUE(store_->ImportRegistrations({future}, FeedEntry()));
  Reopen();
  const auto rows = Read()->FindRegistrations("1312345678111");
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 2u);
  EXPECT_EQ((*rows)[0].network_operator, "NOA");
  EXPECT_EQ((*rows)[0].to, past.to);
  EXPECT_EQ((*rows)[1].supplier, "SUPB");
  EXPECT_EQ((*rows)[1].from, future.from);
  EXPECT_FALSE((*rows)[1].to);
  EXPECT_TRUE(Read()->FindRegistrations("131234567811")->empty());
  EXPECT_TRUE(Read()->FindRegistrations(std::string(600, '1'))->empty());
}

TEST_F(Feeds, KeepAllOfADevice) {
  Import({TestDevice()});
  Reopen();
  const auto device = FindDevice();
  const Device wanted = TestDevice();
  ASSERT_TRUE(device);
  EXPECT_EQ(device->id, wanted.id);
  EXPECT_EQ(device->type, wanted.type);
  EXPECT_EQ(device->smets, wanted.smets);
  EXPECT_EQ(device->model, wanted.model);
  EXPECT_EQ(device->smi_status, wanted.smi_status);
  EXPECT_EQ(device->commissioned, wanted.commissioned);
  EXPECT_EQ(device->mpxn, wanted.mpxn);
  EXPECT_EQ(device->key_agreement, wanted.key_agreement);
  EXPECT_EQ(device->key_agreement_certificate, wanted.key_agreement_certificate);
  EXPECT_EQ(device->supplier.holder, CellState::Holder::kAcb);
  EXPECT_EQ(device->supplier.floor, wanted.supplier.floor);
  EXPECT_EQ(device->network_operator.floor, wanted.network_operator.floor);
  EXPECT_EQ(device->last_issued, 0u);
  EXPECT_FALSE(FindDevice(kOtherDevice));
}

TEST_F(Feeds, KeepADeviceOfWhichLittleIsKnown) {
  Device device;
  device.id = kDevice;
  Import({device});
  const auto read = FindDevice();
  ASSERT_TRUE(read);
  EXPECT_FALSE(read->commissioned);
  EXPECT_FALSE(read->key_agreement);
  EXPECT_EQ(read->key_agreement_certificate, Sha256Digest{});
  EXPECT_EQ(read->supplier.holder, CellState::Holder::kUnknown);
  EXPECT_FALSE(read->supplier.floor);
  EXPECT_TRUE(read->mpxn.empty());
}

TEST_F(Feeds, KeepADeviceThatWasPackedOnItsWay) {
  Device unknown;
  unknown.id = kOtherDevice;
  for (const Device& device : {TestDevice(), unknown}) {
    const auto read = UnpackDevice(PackDevice(device));
    ASSERT_TRUE(read);
    EXPECT_EQ(PackDevice(read->device), PackDevice(device));
    Import({read->device});
  }
  EXPECT_EQ(FindDevice()->supplier.floor, TestDevice().supplier.floor);
  EXPECT_EQ(FindDevice()->key_agreement, TestDevice().key_agreement);
  EXPECT_EQ(FindDevice(kOtherDevice)->supplier.holder, CellState::Holder::kUnknown);
}

TEST(PackedDevice, HasNoOtherFormAndALimit) {
  const Bytes packed = PackDevice(TestDevice());
  EXPECT_TRUE(UnpackDevice(packed));
  for (std::size_t size = 0; size < packed.size(); ++size) {
    EXPECT_FALSE(UnpackDevice(BytesView(packed).first(size))) << size;
  }
  Device largest = TestDevice();
  largest.model = std::string(kMaxName, 'm');
  largest.mpxn = std::string(kMaxMpxn, '1');
  largest.supplier = largest.network_operator = Cell(CellState::Holder::kParty, kMaxSeqNumber);
  EXPECT_LE(PackDevice(largest).size(), kMaxPackedDevice);
}

// Rows beyond the last are appended, those among the others are not: the order must not show.
TEST_F(Feeds, KeepDevicesInWhateverOrderTheyCome) {
  constexpr std::uint64_t kMany = 600;  // some pages of each table
  constexpr std::uint64_t kStep = 7;    // no divisor
  for (std::uint64_t import = 0; import < 3; ++import) {
    std::vector<Device> devices;
    for (std::uint64_t i = 0; i < kMany; ++i) {
      const std::uint64_t number = import == 1 ? kMany - i : i * kStep % kMany;
      Device device = TestDevice(Eui64(1000 + 3 * number + import));
      device.model = "m" + std::to_string(device.id.value());
      devices.push_back(device);
    }
    Import(devices);
  }
  for (std::uint64_t id = 1000 + 3; id < 1000 + 3 * kMany; ++id) {
    const auto device = FindDevice(Eui64(id));
    ASSERT_TRUE(device) << id;
    EXPECT_EQ(device->model, "m" + std::to_string(id));
    EXPECT_EQ(device->supplier.floor->value(), kSupplierFloor);
  }
}

TEST_F(Feeds, ImportPackedDevicesOrNothing) {
  const Bytes packed = PackDevice(TestDevice());
  const Bytes other = PackDevice(TestDevice(kOtherDevice));
  for (const bool damaged : {true, false}) {
    Bytes second = other;
    if (damaged) second[second.size() - 6] ^= 1;
    std::vector<BytesView> rows = {packed, second};
    std::size_t given = 0;
    const auto done = store_->ImportPackedDevices(
        [&]() -> Result<std::optional<BytesView>> {
          return given < rows.size() ? std::optional(rows[given++]) : std::nullopt;
        },
        FeedEntry());
    EXPECT_EQ(done.has_value(), !damaged);
    EXPECT_EQ(FindDevice().has_value(), !damaged);
    EXPECT_EQ(FindDevice(kOtherDevice).has_value(), !damaged);
  }
}

TEST_F(Feeds, ChangeNothingWhenRepeated) {
  const std::vector<Device> devices = {TestDevice(), TestDevice(kOtherDevice)};
  Import(devices);
  const auto again = store_->ImportDevices(SourceOf(devices), FeedEntry());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->rows, 2u);
  EXPECT_EQ(again->changed, 0u);
  EXPECT_THAT(LastEntry(), HasSubstr("\"changed\":\"0\""));
  EXPECT_THAT(LastEntry(), HasSubstr("\"rows\":\"2\""));
  const auto last = store_->FindLastImport(Feed::kDevices);
  ASSERT_TRUE(last && last->has_value());
  EXPECT_EQ((*last)->rows, 2u);
  EXPECT_EQ((*last)->audit_index, again->receipt.index);
  EXPECT_FALSE(store_->FindLastImport(Feed::kParties)->has_value());
}

// An import of minutes would outlast the patience of whoever stops the service.
TEST_F(Feeds, EndAtTheNextRowWhenAStopComesAndAllElseGoesOn) {
  Import({TestDevice()});
  const Eui64 first(kOtherDevice.value() + 1);
  std::uint64_t given = 0;
  const auto stopped = store_->ImportDevices(
      [&]() -> Result<std::optional<Device>> {
        if (++given == 2) store_->BeginStop();
        return std::optional(TestDevice(Eui64(kOtherDevice.value() + given)));
      },
      FeedEntry());
  EXPECT_THAT(stopped, FailsWith(Reason::kBusy));
  EXPECT_EQ(given, 2U);
  EXPECT_FALSE(FindDevice(first));
  EXPECT_THAT(store_->ImportRegistrations({{"1312345678111", "A", "B", kNow, {}}}, FeedEntry()),
              FailsWith(Reason::kBusy));
  EXPECT_THAT(store_->CheckGoesOn(), FailsWith(Reason::kBusy));

  Spend(Id(1));
  EXPECT_TRUE(store_->Stop(audit::Entry("stop", kNow)));
  Open();
  EXPECT_TRUE(store_->CheckGoesOn());
}

// R-128-21: fed 1200, then 900, then 1200; and what was issued is not touched.
TEST_F(Feeds, NeverLowerAFloorOrACounter) {
  Import({TestDevice()});
  const std::uint64_t spent = Spend(Id(1));
  Device lower = TestDevice();
  lower.supplier = OfAcb(900);
  lower.last_issued = 1;
  Import({lower});
  EXPECT_EQ(FindDevice()->supplier.floor->value(), kSupplierFloor);
  EXPECT_EQ(FindDevice()->last_issued, spent);
  lower.supplier = OfAcb({});
  Import({lower});
  EXPECT_EQ(FindDevice()->supplier.floor->value(), kSupplierFloor);
  Device higher = TestDevice();
  higher.supplier = OfAcb(kSupplierFloor + 700);
  Import({higher});
  EXPECT_EQ(FindDevice()->supplier.floor->value(), kSupplierFloor + 700);
  EXPECT_EQ(FindDevice()->last_issued, spent);
  EXPECT_EQ(Spend(Id(2)), kSupplierFloor + 701);
}

TEST_F(Feeds, ReplaceAKnownHolderAndLeaveItWhenTheFeedDoesNotKnow) {
  Import({TestDevice()});
  Device unknown = TestDevice();
  unknown.supplier = {};
  Import({unknown});
  EXPECT_EQ(FindDevice()->supplier.holder, CellState::Holder::kAcb);
  Device party = TestDevice();
  party.supplier = Cell(CellState::Holder::kParty, {});
  Import({party});
  EXPECT_EQ(FindDevice()->supplier.holder, CellState::Holder::kParty);
  EXPECT_EQ(FindDevice()->supplier.party, kUser);
  EXPECT_EQ(FindDevice()->supplier.floor->value(), kSupplierFloor);
  Import({TestDevice()});
  EXPECT_EQ(FindDevice()->supplier.holder, CellState::Holder::kAcb);
}

// R-128-17: above which counter the ACB has the cell again, nobody says; the recorded floor is of
// its earlier tenure.
TEST_F(Feeds, ACellThatBecomesTheAcbsWithoutAFloorIsUnknown) {
  Import({TestDevice()});
  Device party = TestDevice();
  party.supplier = Cell(CellState::Holder::kParty, {});
  Import({party});
  Device back = TestDevice();
  back.supplier = OfAcb({});
  Import({back});
  EXPECT_EQ(FindDevice()->supplier.holder, CellState::Holder::kUnknown);
  EXPECT_EQ(FindDevice()->supplier.floor->value(), kSupplierFloor) << "it is not forgotten";
  EXPECT_THAT(Reserve(Id(1)), FailsWith(Reason::kCellUnknown));
  Import({back});
  EXPECT_THAT(Reserve(Id(1)), FailsWith(Reason::kCellUnknown));
  back.supplier = OfAcb(kSupplierFloor + 5);
  Import({back});
  EXPECT_EQ(Spend(Id(1)), kSupplierFloor + 6);
}

TEST_F(Feeds, ImportNothingWhenTheSourceFails) {
  Import({TestDevice()});
  const std::uint64_t size = AuditSize();
  int calls = 0;
  const auto failed = store_->ImportDevices(
      [&]() -> Result<std::optional<Device>> {
        if (++calls == 3) return Failure(Reason::kFeedRejected, "line 3");
        return std::optional(TestDevice(Eui64(static_cast<std::uint64_t>(calls))));
      },
      FeedEntry());
  EXPECT_THAT(failed, FailsWith(Reason::kFeedRejected));
  EXPECT_EQ(failed.error().explanation, "line 3");
  EXPECT_FALSE(FindDevice(Eui64(1)));
  EXPECT_EQ(AuditSize(), size);
  EXPECT_TRUE(FindDevice());
  Import({TestDevice(Eui64(1))});
  EXPECT_TRUE(FindDevice(Eui64(1)));
}

TEST_F(Feeds, ImportNothingWhenARowDoesNotFit) {
  Device too_long = TestDevice(Eui64(2));
  too_long.model = std::string(256, 'm');
  EXPECT_THAT(store_->ImportDevices(SourceOf({TestDevice(Eui64(1)), too_long}), FeedEntry()),
              FailsWith(Reason::kFeedRejected));
  EXPECT_FALSE(FindDevice(Eui64(1)));
  too_long.model.pop_back();
  Import({TestDevice(Eui64(1)), too_long});
  EXPECT_EQ(FindDevice(Eui64(2))->model, too_long.model);

  PartyRecord party = Party(UserRole::kGasSupplier, "2020-01-01T00:00:00Z");
  party.party = std::string(256, 'p');
  EXPECT_THAT(store_->ImportParties({party}, FeedEntry()), FailsWith(Reason::kFeedRejected));
  party.party.pop_back();
  EXPECT_TRUE(store_->ImportParties({party}, FeedEntry()));

  Registration registration{std::string(33, '1'), "A", "B", kNow, {}};
  EXPECT_THAT(store_->ImportRegistrations({registration}, FeedEntry()),
              FailsWith(Reason::kFeedRejected));
  registration.mpxn.pop_back();
  EXPECT_TRUE(store_->ImportRegistrations({registration}, FeedEntry()));
}

TEST_F(Feeds, RaiseTheTrustGenerationWhenCertificatesOrListsChange) {
  EXPECT_EQ(*store_->TrustGeneration(), 0u);
  ASSERT_TRUE(store_->ImportCertificates({Bytes{1}, Bytes{2}}, FeedEntry()));
  EXPECT_EQ(*store_->TrustGeneration(), 1u);
  ASSERT_TRUE(store_->ImportCertificates({Bytes{2}, Bytes{1}}, FeedEntry()));
  EXPECT_EQ(*store_->TrustGeneration(), 1u) << "nothing changed";
  const auto outcome = store_->ImportRevocationLists({Bytes{3}}, {}, FeedEntry());
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->changed, 1u);
  Reopen();
  const auto material = store_->LoadTrustMaterial();
  ASSERT_TRUE(material);
  EXPECT_EQ(material->generation, 2u);
  EXPECT_THAT(material->certificates, ::testing::UnorderedElementsAre(Bytes{1}, Bytes{2}));
  EXPECT_THAT(material->revocation_lists, ::testing::ElementsAre(Bytes{3}));
}

TEST_F(Feeds, WriteAFileInOneCommit) {
  std::vector<Device> devices;
  for (std::uint64_t i = 1; i <= 5000; ++i) devices.push_back(TestDevice(Eui64(i)));
  const std::uint64_t before = store_->statistics().commits;
  Import(devices);
  EXPECT_EQ(store_->statistics().commits, before + 1 + 1) << "and one of the `anchor` entry";
}

}  // namespace
}  // namespace acb::store
