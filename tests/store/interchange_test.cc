// Counters handed from one box to another (design.md section 4, "Export, import"; R-SEC3-78).
#include "store/interchange.h"

#include "store/agreements.h"
#include "store/record.h"
#include "store/rows.h"
#include "tests/store/raw_store.h"
#include "tests/store/store_fixture.h"

namespace acb::store {
namespace {

constexpr const char* kAda = "ada.acb.test";
constexpr const char* kBob = "bob.acb.test";
constexpr std::uint64_t kWindow = 4096;

CountersSource RowsOf(std::vector<ExportedCounters> rows) {
  return [rows = std::move(rows),
          i = std::size_t{0}]() mutable -> Result<std::optional<ExportedCounters>> {
    if (i == rows.size()) return std::optional<ExportedCounters>();
    return std::optional(rows[i++]);
  };
}

class Interchange : public StoreTest {
 protected:
  void SetUp() override { CreateFilled(); }

  static ImportWish Wish(const char* who, bool fenced = false, std::uint64_t raise = 0,
                         std::uint64_t base = 0) {
    ImportWish wish;
    wish.head.store = StoreId{9, 9};
    wish.head.environment = Environment::kTest;
    wish.head.raise = raise;
    wish.head.base = base;
    wish.window = kWindow;
    wish.fenced = fenced;
    wish.sha256.fill(static_cast<std::uint8_t>(raise + base + fenced));
    wish.operator_name = who;
    wish.at = kNow;
    return wish;
  }
  static ExportedCounters RowOf(std::uint64_t last_issued, std::uint64_t raise = 0,
                                Eui64 device = kDevice) {
    return {device, last_issued, raise, OfAcb(kSupplierFloor), OfAcb(kNetworkFloor)};
  }
  // Both operators' words.
  Result<CountersImport> ImportBoth(const ImportWish& wish, std::vector<ExportedCounters> rows) {
    ImportWish first = wish;
    first.operator_name = kAda;
    const auto said = store_->ImportCounters(first, RowsOf(rows));
    if (!said) return said;
    EXPECT_FALSE(said->complete);
    ImportWish second = wish;
    second.operator_name = kBob;
    return store_->ImportCounters(second, RowsOf(std::move(rows)));
  }
  std::uint64_t Issued(Eui64 device = kDevice) { return FindDevice(device)->last_issued; }
  void SetFence(const Fence& fence) {
    store_.reset();
    const Bytes key = KeyOf(Setting::kFence);
    RawStore(settings_.directory)
        .Put(Table::kSettings, {key, Seal(Table::kSettings, key, EncodeFence(fence))});
    Reopen();
  }
  std::vector<ExportedCounters> ExportAll(ExportHead* head = nullptr) {
    std::vector<ExportedCounters> rows;
    EXPECT_TRUE(store_->ReadForExport(
        [&](const ExportHead& begun) -> Status {
          if (head != nullptr) *head = begun;
          return Done{};
        },
        [&](const ExportedCounters& row) -> Status {
          rows.push_back(row);
          return Done{};
        }));
    return rows;
  }
};

TEST_F(Interchange, AddsRaiseAndWindowOfTheSourceUnlessItIsFenced) {
  ASSERT_TRUE(ImportBoth(Wish(kAda, false, 100), {RowOf(10'000, 40)}));
  EXPECT_EQ(Issued(), 10'000u + 60 + kWindow);
  ASSERT_TRUE(ImportBoth(Wish(kAda, true, 100), {RowOf(10'000, 40), RowOf(7, 100, kOtherDevice)}));
  EXPECT_EQ(Issued(), 10'000u + 60 + kWindow) << "the greater one stays";
  EXPECT_EQ(Issued(kOtherDevice), 7u) << "fenced: no window";
}

// A device that the source issued nothing for since its base: its base was issued all the same.
TEST_F(Interchange, CountsTheBaseOfTheSource) {
  ASSERT_TRUE(ImportBoth(Wish(kAda, true, 0, 20'000), {RowOf(3)}));
  EXPECT_EQ(Issued(), 20'000u);
}

// R-128-21, P1: whatever a file says, no number of this box goes down.
TEST_F(Interchange, NeverLowersANumber) {
  ASSERT_EQ(Spend(Id(1), kNetworkRole), 5001u);
  ExportedCounters row = RowOf(0);
  row.supplier = OfAcb(3);
  row.network_operator = OfAcb({});
  const auto done = ImportBoth(Wish(kAda, true), {row});
  ASSERT_TRUE(done);
  EXPECT_EQ(done->changed, 0u);
  EXPECT_EQ(Issued(), 5001u);
  EXPECT_EQ(FindDevice()->supplier.floor->value(), kSupplierFloor);
  EXPECT_EQ(FindDevice()->network_operator.floor->value(), kNetworkFloor);
  EXPECT_EQ(Spend(Id(2)), 5002u);
}

TEST_F(Interchange, SaturatesAndIsExhaustedInsteadOfWrapping) {
  settings_.counter_jump = kMaxSeqNumber;
  Reopen();
  ASSERT_TRUE(ImportBoth(Wish(kAda, false, 5), {RowOf(kMaxSeqNumber - 6, 0)}));
  EXPECT_EQ(Issued(), kMaxSeqNumber);
  EXPECT_THAT(Reserve(Id(1)), FailsWith(Reason::kCounterExhausted));
}

TEST_F(Interchange, TakesTheGreaterFloorAndMakesCellsUnknownThatDiffer) {
  ExportedCounters row = RowOf(1);
  row.supplier = OfAcb(6000);
  row.network_operator = Cell(CellState::Holder::kParty, 6500);
  ASSERT_TRUE(ImportBoth(Wish(kAda, true), {row}));
  const auto device = FindDevice();
  EXPECT_EQ(device->supplier.holder, CellState::Holder::kAcb);
  EXPECT_EQ(device->supplier.floor->value(), 6000u);
  EXPECT_EQ(device->network_operator.holder, CellState::Holder::kUnknown);
  EXPECT_EQ(device->network_operator.floor->value(), 6500u);
  EXPECT_EQ(Spend(Id(1)), 6001u);
  EXPECT_THAT(Reserve(Id(2), kNetworkRole), FailsWith(Reason::kCellUnknown));
}

TEST_F(Interchange, MakesACellOfAnotherPartyUnknownToo) {
  Device device = TestDevice();
  device.supplier = Cell(CellState::Holder::kParty, {});
  Import({device});
  ExportedCounters row = RowOf(1);
  row.supplier = Cell(CellState::Holder::kParty, {});
  ASSERT_TRUE(ImportBoth(Wish(kAda, true), {row}));
  EXPECT_EQ(FindDevice()->supplier.holder, CellState::Holder::kParty) << "the same party";
  row.supplier.party = Eui64(7);
  ASSERT_TRUE(ImportBoth(Wish(kAda, true, 1), {row}));
  EXPECT_EQ(FindDevice()->supplier.holder, CellState::Holder::kUnknown);
}

TEST_F(Interchange, ListsDevicesThatAreNotKnownAndInventsNone) {
  const Eui64 stranger(0x00DB1234567890FF);
  const auto done = ImportBoth(Wish(kAda, true), {RowOf(9000), RowOf(9000, 0, stranger)});
  ASSERT_TRUE(done);
  EXPECT_EQ(done->rows, 2u);
  EXPECT_EQ(done->changed, 2u);
  EXPECT_EQ(done->not_known_count, 1u);
  ASSERT_EQ(done->not_known.size(), 1u);
  EXPECT_EQ(done->not_known.front(), stranger);
  EXPECT_FALSE(FindDevice(stranger));
  Import({TestDevice(stranger)});
  EXPECT_GT(Spend(Id(9, stranger)), 9000u) << "its counters waited for its feed";
}

// A number that is not believed may be true: nothing is signed until two operators have decided.
TEST_F(Interchange, HoldsAJumpInQuarantineAndStopsItsDevice) {
  const std::uint64_t far = settings_.counter_jump + 10'000;
  const auto done = ImportBoth(Wish(kAda, true), {RowOf(far), RowOf(9000, 0, kOtherDevice)});
  ASSERT_TRUE(done) << done.error().explanation;
  EXPECT_EQ(done->quarantined, 1u);
  EXPECT_EQ(Issued(), 0u);
  EXPECT_EQ(Issued(kOtherDevice), 9000u) << "the others are imported";
  const auto elsewhere = [&] {
    return store_->ReserveElsewhere(
        {.device = kDevice, .proposed = {}, .purpose = "8.5", .client = "dsp", .at = kNow});
  };
  EXPECT_THAT(elsewhere(), FailsWith(Reason::kBlocked));
  const auto stopped = store_->ListSuspensions();
  ASSERT_TRUE(stopped && stopped->size() == 1);
  EXPECT_EQ(stopped->front().subject, kDevice.Hyphenated());
  EXPECT_EQ(done->suspended, 1u);
  // R-SEC3-56: an order on the record.
  const auto log = store_->ReadAudit(0, Store::kMaxAuditRead);
  ASSERT_TRUE(log);
  EXPECT_EQ(std::ranges::count_if(*log,
                                  [](const std::string& entry) {
                                    return entry.find(R"("act":"suspend")") != std::string::npos &&
                                           entry.find(kDevice.Hyphenated()) != std::string::npos;
                                  }),
            1);

  const auto items = store_->ListQuarantine(0, 10);
  ASSERT_TRUE(items && items->size() == 1);
  EXPECT_EQ(items->front().floor->value(), far);
  const std::uint64_t id = items->front().id;
  ASSERT_TRUE(store_->AgreeOnQuarantined(id, QuarantineAct::kRelease, kAda, kNow));
  ASSERT_TRUE(store_->AgreeOnQuarantined(id, QuarantineAct::kRelease, kBob, kNow)->complete);
  EXPECT_EQ(Issued(), far);
  EXPECT_THAT(elsewhere(), FailsWith(Reason::kBlocked)) << "lifting is an act of its own";
  Suspension lift = stopped->front();
  for (const char* who : {kAda, kBob}) {
    lift.by = who;
    ASSERT_TRUE(store_->AgreeToLift({lift}, kNow));
  }
  EXPECT_EQ(elsewhere()->counter.value(), far + 1);
}

TEST_F(Interchange, HoldsAFloorThatJumpsAndMakesItsCellUnknown) {
  const std::uint64_t jump = settings_.counter_jump;
  ExportedCounters row = RowOf(1);
  row.supplier = OfAcb(kSupplierFloor + jump);
  row.network_operator = OfAcb(kNetworkFloor + jump + 1);
  ASSERT_TRUE(ImportBoth(Wish(kAda, true), {row}));
  EXPECT_EQ(FindDevice()->supplier.floor->value(), kSupplierFloor + jump) << "at the limit";
  EXPECT_EQ(FindDevice()->network_operator.holder, CellState::Holder::kUnknown);
  EXPECT_EQ(FindDevice()->network_operator.floor->value(), kNetworkFloor);
  EXPECT_EQ(store_->ListQuarantine(0, 10)->size(), 1u);
  // The same file again holds nothing twice.
  ASSERT_TRUE(ImportBoth(Wish(kAda, true, 1), {row}));
  EXPECT_EQ(store_->ListQuarantine(0, 10)->size(), 1u);
}

TEST_F(Interchange, TakesTwoOperatorsForTheSameFile) {
  const ImportWish ada = Wish(kAda);
  const auto first = store_->ImportCounters(ada, RowsOf({RowOf(9000)}));
  ASSERT_TRUE(first);
  EXPECT_FALSE(first->complete);
  EXPECT_THAT(store_->ImportCounters(ada, RowsOf({RowOf(9000)})),
              FailsWith(Reason::kOtherOperator));
  ImportWish other_file = Wish(kBob);
  other_file.sha256.fill(0x77);
  EXPECT_FALSE(store_->ImportCounters(other_file, RowsOf({RowOf(9000)}))->complete);
  EXPECT_EQ(Issued(), 0u);
  const std::uint64_t generation = *store_->TrustGeneration();
  const auto second = store_->ImportCounters(Wish(kBob), RowsOf({RowOf(9000)}));
  ASSERT_TRUE(second);
  EXPECT_TRUE(second->complete);
  EXPECT_EQ(Issued(), 9000u + kWindow);
  EXPECT_EQ(*store_->TrustGeneration(), generation + 1);
  const std::string entry = LastEntry();
  for (const char* part :
       {R"("act":"counters-import")", R"("source_store":"09090000000000000000000000000000")",
        R"("rows":"1")", R"("changed":"1")", R"("fenced":false)", R"("complete":true)",
        R"("operators":["ada.acb.test","bob.acb.test"])"}) {
    EXPECT_NE(entry.find(part), std::string::npos) << part << " in " << entry;
  }
}

// P8, and all or nothing.
TEST_F(Interchange, RefusesTheOtherEnvironmentAndAFileThatFailsHalfWay) {
  ImportWish live = Wish(kAda);
  live.head.environment = Environment::kLive;
  EXPECT_THAT(store_->ImportCounters(live, RowsOf({})), FailsWith(Reason::kEnvironment));
  ASSERT_TRUE(store_->ImportCounters(Wish(kAda), RowsOf({})));
  int given = 0;
  const std::uint64_t size = AuditSize();
  const auto broken =
      store_->ImportCounters(Wish(kBob), [&]() -> Result<std::optional<ExportedCounters>> {
        if (given++ == 0) return std::optional(RowOf(9000));
        return Failure(Reason::kMalformed, "line 3: not a device's counters");
      });
  EXPECT_THAT(broken, FailsWith(Reason::kMalformed));
  EXPECT_EQ(Issued(), 0u);
  EXPECT_EQ(AuditSize(), size);
  EXPECT_THAT(store_->ImportCounters(Wish(kBob), RowsOf({RowOf(1, 1)})),
              FailsWith(Reason::kBackupDamaged))
      << "a raise above the file's";
  EXPECT_TRUE(store_->ImportCounters(Wish(kBob), RowsOf({RowOf(9000)}))->complete);
}

TEST_F(Interchange, EndsAtTheNextRowWhenAStopComes) {
  ASSERT_TRUE(store_->ImportCounters(Wish(kAda), RowsOf({})));
  const auto import =
      store_->ImportCounters(Wish(kBob), [&]() -> Result<std::optional<ExportedCounters>> {
        store_->BeginStop();
        return std::optional(RowOf(9000));
      });
  EXPECT_THAT(import, FailsWith(Reason::kBusy));
  EXPECT_EQ(Issued(), 0u);
  int rows = 0;
  const Status read = store_->ReadForExport([](const ExportHead&) { return Status(Done{}); },
                                            [&](const ExportedCounters&) {
                                              ++rows;
                                              return Status(Done{});
                                            });
  EXPECT_THAT(read, FailsWith(Reason::kBusy));
  EXPECT_EQ(rows, 0);
  Reopen();  // a clean stop
  EXPECT_TRUE(store_->ImportCounters(Wish(kBob), RowsOf({RowOf(9000)}))->complete);
}

// What unclean starts of this box may have lost is counted before it is compared.
TEST_F(Interchange, ComparesWithItsOwnRaise) {
  ASSERT_EQ(Spend(Id(1), kNetworkRole), 5001u);
  store_.reset();  // a kill: the window is added
  Reopen();
  ASSERT_EQ(settings_.anchor_every, 4096u);
  ASSERT_TRUE(ImportBoth(Wish(kAda, true), {RowOf(9000)}));
  EXPECT_EQ(Spend(Id(2)), 9098u) << "5001 + 4096 is above 9000";
  ASSERT_TRUE(ImportBoth(Wish(kAda, true, 2), {RowOf(9500)}));
  EXPECT_EQ(Spend(Id(3)), 9503u) << "9500, the raise of 2 that its row lacks, and the next";
}

TEST_F(Interchange, OvertakesAHandoverWhoseCellBecomesUnknown) {
  auto counter = Reserve(Id(1));
  ASSERT_TRUE(counter);
  ExportedCounters row = RowOf(1);
  row.supplier = Cell(CellState::Holder::kParty, {});
  ASSERT_TRUE(ImportBoth(Wish(kAda, true), {row}));
  EXPECT_THAT(Sign(*counter), FailsWith(Reason::kChangedMeanwhile));
}

TEST_F(Interchange, ExportsEveryDeviceWithTheTreeThatHoldsItsEntry) {
  ASSERT_EQ(Spend(Id(1), kNetworkRole), 5001u);
  const auto agreed = store_->AgreeToExport({.operator_name = kAda, .at = kNow});
  ASSERT_TRUE(agreed);
  EXPECT_TRUE(agreed->complete);
  EXPECT_FALSE(agreed->fenced);
  ExportHead head;
  const auto rows = ExportAll(&head);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].device, kDevice);
  EXPECT_EQ(rows[0].last_issued, 5001u);
  EXPECT_EQ(rows[0].supplier.floor->value(), kSupplierFloor);
  EXPECT_EQ(rows[1].device, kOtherDevice);
  EXPECT_EQ(rows[1].last_issued, 0u);
  EXPECT_GT(head.tree_size, agreed->receipt.index);
  EXPECT_EQ(head.store, (StoreId{1, 2, 3}));
  EXPECT_NE(LastEntry().find(R"("kind":"export")"), std::string::npos);
  EXPECT_TRUE(Reserve(Id(2))) << "a plain export stops nothing";
}

// Cells as they count after a recovery that lost the log, not as they were written before it.
TEST_F(Interchange, ExportsCellsThatARecoveryMadeUnknownAsUnknown) {
  SetFence({.raise = 10, .base = 70'000, .recovered = 10});
  ExportHead head;
  const auto rows = ExportAll(&head);
  EXPECT_EQ(head.base, 70'000u);
  EXPECT_EQ(head.raise, 4096u) << "of the start after it";
  EXPECT_EQ(rows[0].raise, 0u);
  EXPECT_EQ(rows[0].supplier.holder, CellState::Holder::kUnknown);
  EXPECT_EQ(rows[0].supplier.floor->value(), kSupplierFloor);
}

// R-NOW-11. An export that ends nothing takes no word.
TEST_F(Interchange, TakesNoWordOfWhomConfigurationNoLongerNames) {
  ASSERT_TRUE(store_->AppendAccess(audit::Entry("configuration", kNow), {kBob}));
  ASSERT_TRUE(store_->AgreeToExport({.fenced = true, .operator_name = kBob, .at = kNow}));
  EXPECT_THAT(store_->AgreeToExport({.fenced = true, .operator_name = kAda, .at = kNow}),
              FailsWith(Reason::kForbidden));
  EXPECT_TRUE(store_->AgreeToExport({.operator_name = kAda, .at = kNow})->complete);
  ASSERT_TRUE(store_->ImportCounters(Wish(kBob), RowsOf({RowOf(10'000)})));
  EXPECT_THAT(store_->ImportCounters(Wish(kAda), RowsOf({RowOf(10'000)})),
              FailsWith(Reason::kForbidden));
  EXPECT_EQ(Spend(Id(1)), 1201u) << "nothing was fenced or imported";
}

TEST_F(Interchange, FencesForGoodWithTwoOperators) {
  const ExportWish ada{.fenced = true, .operator_name = kAda, .at = kNow};
  const ExportWish bob{.fenced = true, .operator_name = kBob, .at = kNow};
  ASSERT_FALSE(store_->AgreeToExport(ada)->complete);
  EXPECT_THAT(store_->AgreeToExport(ada), FailsWith(Reason::kOtherOperator));
  ASSERT_EQ(Spend(Id(1)), 1201u) << "one word stops nothing";
  auto under_way = Reserve(Id(2));
  ASSERT_TRUE(under_way);
  const auto fenced = store_->AgreeToExport(bob);
  ASSERT_TRUE(fenced);
  EXPECT_TRUE(fenced->complete);
  EXPECT_TRUE(fenced->fenced);
  EXPECT_THAT(Reserve(Id(3), kNetworkRole), FailsWith(Reason::kCountersExported));
  EXPECT_THAT(store_->ReserveElsewhere(
                  {.device = kDevice, .proposed = {}, .purpose = "8.5", .client = "d", .at = kNow}),
              FailsWith(Reason::kCountersExported));
  EXPECT_GE(ExportAll()[0].last_issued, under_way->counter().value());
  // Found by an attack: it was handed out after the other box had the file.
  EXPECT_THAT(Sign(*under_way), FailsWith(Reason::kChangedMeanwhile));
  EXPECT_EQ(Find(Id(2))->state, StoredRequest::State::kAbandoned);
  EXPECT_THAT(Reserve(Id(2)), FailsWith(Reason::kCountersExported));
  Reopen();
  EXPECT_THAT(Reserve(Id(4, kOtherDevice)), FailsWith(Reason::kCountersExported));
  const auto again = store_->AgreeToExport({.operator_name = kAda, .at = kNow});
  EXPECT_TRUE(again->complete && again->fenced) << "and says so in every later export";
}

}  // namespace
}  // namespace acb::store
