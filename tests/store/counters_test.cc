#include "store/counters.h"

#include <atomic>
#include <set>
#include <thread>

#include "store/reading.h"
#include "tests/store/store_fixture.h"

namespace acb::store {
namespace {

std::uint64_t Next(std::uint64_t last, std::uint64_t floor, std::uint64_t base) {
  const auto next = NextCounter(last, *FloorSeqNumber::From(floor), base);
  return next ? next->value() : 0;
}

TEST(NextCounter, IsOneAboveTheGreatestKnown) {
  EXPECT_EQ(Next(0, 0, 0), 1u);
  EXPECT_EQ(Next(10, 3, 4), 11u);
  EXPECT_EQ(Next(3, 10, 4), 11u);
  EXPECT_EQ(Next(3, 4, 10), 11u);
}

// R-NOW-2: compared before anything is added.
TEST(NextCounter, EndsAt2To63Minus1AndNeverWraps) {
  EXPECT_EQ(Next(kMaxSeqNumber - 1, 0, 0), kMaxSeqNumber);
  EXPECT_EQ(Next(0, kMaxSeqNumber - 1, 0), kMaxSeqNumber);
  const auto exhausted = [](std::uint64_t last, std::uint64_t floor, std::uint64_t base) {
    return NextCounter(last, *FloorSeqNumber::From(floor), base);
  };
  EXPECT_THAT(exhausted(kMaxSeqNumber, 0, 0), FailsWith(Reason::kCounterExhausted));
  EXPECT_THAT(exhausted(10'560'878'642'999'590'912u, 0, 0), FailsWith(Reason::kCounterExhausted));
  EXPECT_THAT(exhausted(0, kMaxSeqNumber, 0), FailsWith(Reason::kCounterExhausted));
  EXPECT_THAT(exhausted(0, 0, UINT64_MAX), FailsWith(Reason::kCounterExhausted));
}

std::optional<std::uint64_t> Raised(std::uint64_t last, std::uint64_t raise, const Fence& fence) {
  CountersRow row;
  row.last_issued = last;
  row.raise = raise;
  return BringUpToDate(row, fence, kDevice) ? std::optional(row.last_issued) : std::nullopt;
}

// What each unclean start may have lost is added once, however the row is written afterwards.
TEST(BringUpToDate, AddsTheRaiseSinceTheRowWasWrittenAndNeverWraps) {
  EXPECT_EQ(Raised(10, 0, {.raise = 4096}), 4106u);
  EXPECT_EQ(Raised(10, 4096, {.raise = 4096}), 10u);
  EXPECT_EQ(Raised(kMaxSeqNumber - 2, 0, {.raise = 2}), kMaxSeqNumber);
  EXPECT_EQ(Raised(kMaxSeqNumber - 1, 0, {.raise = 2}), kMaxSeqNumber);
  EXPECT_EQ(Raised(1, 0, {.raise = kMaxSeqNumber}), kMaxSeqNumber);
  EXPECT_EQ(Raised(10, 2, {.raise = 1}), std::nullopt);
}

TEST(BringUpToDate, MakesCellsUnknownThatWereWrittenBeforeARecovery) {
  for (const auto& [raise, holder] :
       {std::pair<std::uint64_t, CellState::Holder>{4095, CellState::Holder::kUnknown},
        {4096, CellState::Holder::kAcb}}) {
    CountersRow row;
    row.raise = raise;
    row.supplier = OfAcb(7);
    row.network_operator = OfAcb(8);
    ASSERT_TRUE(BringUpToDate(row, {.raise = 5000, .recovered = 4096}, kDevice));
    EXPECT_EQ(row.supplier.holder, holder);
    EXPECT_EQ(row.network_operator.holder, holder);
    EXPECT_EQ(row.supplier.floor->value(), 7u);
  }
}

class Reserve : public StoreTest {
 protected:
  void SetUp() override { CreateFilled(); }
  void ImportWith(CellState supplier) {
    Device device = TestDevice();
    device.supplier = supplier;
    Import({device});
  }
};

TEST_F(Reserve, GivesACounterAboveTheFloorOfTheCell) {
  const auto counter = StoreTest::Reserve(Id(1));
  ASSERT_TRUE(counter);
  EXPECT_EQ(counter->counter().value(), kSupplierFloor + 1);
  EXPECT_EQ(counter->request(), Id(1));
  EXPECT_EQ(counter->role(), kSupplierRole);
}

TEST_F(Reserve, RisesOverAllCellsOfADevice) {
  EXPECT_EQ(Spend(Id(1), kSupplierRole), kSupplierFloor + 1);
  EXPECT_EQ(Spend(Id(2), kSupplierRole), kSupplierFloor + 2);
  EXPECT_EQ(Spend(Id(3), kNetworkRole), kNetworkFloor + 1);
  EXPECT_EQ(Spend(Id(4), kSupplierRole), kNetworkFloor + 2);
  EXPECT_EQ(Spend(Id(1, kOtherDevice), kSupplierRole), kSupplierFloor + 1);
}

// R-NOW-7, R-128-16: reopened after each step.
TEST_F(Reserve, RisesOverRestarts) {
  std::uint64_t before = 0;
  for (std::uint64_t i = 1; i <= 5; ++i) {
    const auto counter = StoreTest::Reserve(Id(i));
    ASSERT_TRUE(counter);
    EXPECT_GT(counter->counter().value(), before);
    before = counter->counter().value();
    if (i % 2 == 0) store_.reset();  // killed; else stopped
    Reopen();
    EXPECT_EQ(FindDevice()->last_issued, before);
    const std::uint64_t spent = Spend(Id(100 + i));
    EXPECT_GT(spent, before);
    before = spent;
    Reopen();
    EXPECT_EQ(FindDevice()->last_issued, before);
  }
}

TEST_F(Reserve, WritesTheRequestAsReserved) {
  const auto counter = StoreTest::Reserve(Id(1));
  ASSERT_TRUE(counter);
  store_.reset();
  Open();
  const auto stored = Find(Id(1));
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->state, StoredRequest::State::kReserved);
  EXPECT_EQ(stored->counter, counter->counter());
  EXPECT_EQ(stored->body, Sha256(AsBytes(BodyOf(Id(1)))));
  EXPECT_EQ(stored->role, kSupplierRole);
  EXPECT_EQ(*store_->UnansweredCount(), 1u);
}

TEST_F(Reserve, RefusesASecondReservationOfADeviceUntilTheFirstIsAnswered) {
  const auto first = StoreTest::Reserve(Id(1));
  ASSERT_TRUE(first);
  EXPECT_THAT(StoreTest::Reserve(Id(2)), FailsWith(Reason::kBusy));
  EXPECT_THAT(StoreTest::Reserve(Id(2), kNetworkRole), FailsWith(Reason::kBusy));
  EXPECT_TRUE(StoreTest::Reserve(Id(2, kOtherDevice)));
  ASSERT_TRUE(Sign(*first));
  EXPECT_TRUE(StoreTest::Reserve(Id(2)));
}

TEST_F(Reserve, RefusesARequestIdThatIsNotOpen) {
  const auto counter = StoreTest::Reserve(Id(1));
  ASSERT_TRUE(counter);
  EXPECT_THAT(StoreTest::Reserve(Id(1)), FailsWith(Reason::kChangedMeanwhile));
  ASSERT_TRUE(Sign(*counter));
  EXPECT_THAT(StoreTest::Reserve(Id(1)), FailsWith(Reason::kChangedMeanwhile));
  EXPECT_EQ(FindDevice()->last_issued, kSupplierFloor + 1) << "nothing was spent";
}

TEST_F(Reserve, RefusesWhenCertificatesChangedSinceTheChecks) {
  const ReservationWish wish = Wish(Id(1));
  ASSERT_TRUE(store_->ImportRevocationLists({Bytes{1}}, {}, FeedEntry()));
  EXPECT_THAT(store_->Reserve(wish), FailsWith(Reason::kChangedMeanwhile));
  EXPECT_EQ(FindDevice()->last_issued, 0u);
  EXPECT_TRUE(store_->Reserve(Wish(Id(1))));
}

TEST_F(Reserve, RefusesADeviceThatIsNotKnown) {
  EXPECT_THAT(StoreTest::Reserve(Id(1, Eui64(7))), FailsWith(Reason::kDeviceUnknown));
}

TEST_F(Reserve, RefusesACellThatIsNotTheAcbs) {
  ImportWith(Cell(CellState::Holder::kParty, kSupplierFloor));
  EXPECT_THAT(StoreTest::Reserve(Id(1)), FailsWith(Reason::kCellNotAcb));
  EXPECT_TRUE(StoreTest::Reserve(Id(2), kNetworkRole)) << "the other cell is usable";
}

TEST_F(Reserve, RefusesACellThatIsNotKnown) {
  Device device = TestDevice(Eui64(77));
  device.supplier = {};
  Import({device});
  EXPECT_THAT(StoreTest::Reserve(Id(1, device.id)), FailsWith(Reason::kCellUnknown));
  EXPECT_THAT(StoreTest::Reserve(Id(1, device.id), RemotePartyRole::kRecovery),
              FailsWith(Reason::kCellUnknown));
  EXPECT_TRUE(StoreTest::Reserve(Id(1, device.id), kNetworkRole));
}

// R-128-17.
TEST_F(Reserve, RefusesAFloorThatIsNotKnown) {
  Device device = TestDevice(Eui64(77));
  device.supplier = OfAcb({});
  device.network_operator = OfAcb(0);
  Import({device});
  EXPECT_THAT(StoreTest::Reserve(Id(1, device.id)), FailsWith(Reason::kCounterUnknown));
  EXPECT_EQ(Spend(Id(1, device.id), kNetworkRole), 1u) << "unknown is not zero, zero is known";
}

// design.md section 4: a cell whose recorded floor is above the limit is not signed for.
TEST_F(Reserve, RefusesARecordedFloorAboveTheLimitForThatCellOnly) {
  settings_.counter_jump = kMaxSeqNumber;  // such a floor is imported here, not quarantined
  Reopen();
  ImportWith(OfAcb(settings_.recorded_floor_limit + 1));
  EXPECT_THAT(StoreTest::Reserve(Id(1)), FailsWith(Reason::kFloorLimit));
  EXPECT_EQ(Spend(Id(2), kNetworkRole), kNetworkFloor + 1);
  Device at_limit = TestDevice(kOtherDevice);
  at_limit.supplier = OfAcb(settings_.recorded_floor_limit);
  Import({at_limit});
  EXPECT_EQ(Spend(Id(1, kOtherDevice)), settings_.recorded_floor_limit + 1);
}

TEST_F(Reserve, TakesAProposedCounterFromNextToTheLimit) {
  const std::uint64_t next = kSupplierFloor + 1;
  EXPECT_THAT(StoreTest::Reserve(Id(1), kSupplierRole, next - 1),
              FailsWith(Reason::kCounterRegression));
  EXPECT_THAT(StoreTest::Reserve(Id(1), kSupplierRole, next + settings_.counter_jump),
              FailsWith(Reason::kCounterLimit));
  EXPECT_EQ(FindDevice()->last_issued, 0u) << "nothing was spent";

  const auto lowest = StoreTest::Reserve(Id(1), kSupplierRole, next);
  ASSERT_TRUE(lowest);
  EXPECT_EQ(lowest->counter().value(), next);
  ASSERT_TRUE(Sign(*lowest));
  const std::uint64_t highest_value = next + settings_.counter_jump;
  const auto highest = StoreTest::Reserve(Id(2), kSupplierRole, highest_value);
  ASSERT_TRUE(highest);
  EXPECT_EQ(highest->counter().value(), highest_value);
  ASSERT_TRUE(Sign(*highest));
  EXPECT_EQ(Spend(Id(3)), highest_value + 1);
}

TEST_F(Reserve, IsExhaustedAt2To63Minus1) {
  settings_.counter_jump = kMaxSeqNumber;
  Reopen();
  const auto last = StoreTest::Reserve(Id(1), kSupplierRole, kMaxSeqNumber);
  ASSERT_TRUE(last);
  EXPECT_EQ(last->counter().value(), kMaxSeqNumber);
  ASSERT_TRUE(Sign(*last));
  EXPECT_THAT(StoreTest::Reserve(Id(2)), FailsWith(Reason::kCounterExhausted));
  EXPECT_THAT(StoreTest::Reserve(Id(2), kNetworkRole), FailsWith(Reason::kCounterExhausted));
  EXPECT_TRUE(StoreTest::Reserve(Id(2, kOtherDevice))) << "for that device only";
}

TEST_F(Reserve, NeverGivesAnAbandonedCounterAgain) {
  auto counter = StoreTest::Reserve(Id(1));
  ASSERT_TRUE(counter);
  const std::uint64_t spent = counter->counter().value();
  ASSERT_TRUE(store_->Abandon(*std::move(counter),
                              Failure(Reason::kHsmUnavailable, "no answer in 5 s"), kNow));
  EXPECT_THAT(LastEntry(), ::testing::AllOf(::testing::HasSubstr("\"kind\":\"abandoned\""),
                                            ::testing::HasSubstr("\"HSM_UNAVAILABLE\""),
                                            ::testing::HasSubstr("no answer in 5 s"),
                                            ::testing::HasSubstr(std::to_string(spent))));
  Reopen();
  const auto stored = Find(Id(1));
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->state, StoredRequest::State::kAbandoned);
  EXPECT_EQ(stored->counter->value(), spent);
  const auto again = StoreTest::Reserve(Id(1));
  ASSERT_TRUE(again) << "the RequestID is open again";
  EXPECT_GT(again->counter().value(), spent);
}

TEST_F(Reserve, AbandonsAReservationOnce) {
  auto counter = StoreTest::Reserve(Id(1));
  ASSERT_TRUE(counter);
  ASSERT_TRUE(store_->Abandon(*std::move(counter), Reason::kHsmUnavailable, kNow));
  const std::uint64_t size = AuditSize();
  EXPECT_THAT(store_->Abandon(*std::move(counter), Reason::kHsmUnavailable, kNow),
              FailsWith(Reason::kChangedMeanwhile));
  EXPECT_THAT(Sign(*counter), FailsWith(Reason::kChangedMeanwhile));
  EXPECT_EQ(AuditSize(), size);
}

// A reader that stays open keeps LMDB from using freed pages again: the map is full until it ends.
TEST_F(Reserve, OfADeviceWhoseAbandonmentFailedIsGivenUpBeforeTheNextOne) {
  settings_.map_size = std::uint64_t{4} << 20;
  settings_.reserve = 0;
  Reopen();
  auto counter = StoreTest::Reserve(Id(1));
  ASSERT_TRUE(counter);
  const std::uint64_t first = counter->counter().value();
  auto reader = store_->Open();
  ASSERT_TRUE(reader);
  std::vector<PartyRecord> parties(2'000);
  for (std::size_t i = 0; i < parties.size(); ++i) parties[i].user_id = Eui64(i + 1);
  // Each import replaces all rows.
  for (int i = 0; i < 1'000 && store_->ImportParties(parties, FeedEntry()); ++i) continue;
  const std::string filling(std::size_t{60} << 10, 'x');
  for (int i = 0; i < 1'000; ++i) {
    if (!store_->Append(audit::Entry("alarm", kNow).Set("what", filling))) break;
  }
  ASSERT_FALSE(store_->ended());
  const std::string cause(std::size_t{300} << 10, 'x');  // more than an entry may hold
  ASSERT_THAT(store_->AbandonWithAlarm(*std::move(counter), {Reason::kHsmUnavailable, cause},
                                       "it lied" + cause, kNow),
              FailsWith(Reason::kStoreUnavailable));
  ASSERT_THAT(StoreTest::Reserve(Id(2)), FailsWith(Reason::kBusy));
  (*reader).reset();
  const std::uint64_t size = AuditSize();
  const auto next = StoreTest::Reserve(Id(2));
  ASSERT_TRUE(next) << next.error().explanation;
  EXPECT_GT(next->counter().value(), first);
  EXPECT_EQ(Find(Id(1))->state, StoredRequest::State::kAbandoned);
  const auto entries = store_->ReadAudit(size, 2);
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 2u);
  EXPECT_THAT(entries->front(), ::testing::HasSubstr(R"("kind":"abandoned")"));
  EXPECT_THAT(entries->back(), ::testing::HasSubstr(R"("what":"it lied)"));
  EXPECT_TRUE(Sign(*next));
}

TEST_F(Reserve, GivenUpForASecurityEventHasAnAlarmBesideIt) {
  auto counter = StoreTest::Reserve(Id(1));
  ASSERT_TRUE(counter);
  const std::string given = std::to_string(counter->counter().value());
  const std::uint64_t size = AuditSize();
  ASSERT_TRUE(
      store_->AbandonWithAlarm(*std::move(counter), Reason::kHsmUnavailable, "it lied", kNow));
  const auto entries = store_->ReadAudit(size, 2);
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 2u);
  EXPECT_THAT(entries->front(), ::testing::HasSubstr(R"("kind":"abandoned")"));
  for (const std::string& field :
       {std::string(R"("kind":"alarm")"), std::string(R"("reason":"HSM_UNAVAILABLE")"),
        "\"request_id\":\"" + Id(1).Text() + "\"", "\"device\":\"" + kDevice.Hyphenated() + "\"",
        "\"originator_counter\":\"" + given + "\"", std::string(R"("what":"it lied")")}) {
    EXPECT_THAT(entries->back(), ::testing::HasSubstr(field));
  }
}

// design.md section 7: at start every counter is accounted for.
TEST_F(Reserve, BecomesAbandonedAtTheNextStart) {
  const auto first = StoreTest::Reserve(Id(1));
  const auto second = StoreTest::Reserve(Id(1, kOtherDevice));
  ASSERT_TRUE(first && second);
  const std::uint64_t size = AuditSize();
  store_.reset();
  Reopen();
  EXPECT_EQ(AuditSize(), size + 2 + 1) << "and `start`";
  EXPECT_EQ(*store_->UnansweredCount(), 0u);
  EXPECT_EQ(Find(Id(1))->state, StoredRequest::State::kAbandoned);
  const auto entries = store_->ReadAudit(size, 3);
  ASSERT_TRUE(entries && entries->size() == 3);
  EXPECT_THAT((*entries)[1], ::testing::HasSubstr(Id(1, kOtherDevice).Text()));
  EXPECT_THAT((*entries)[2], ::testing::HasSubstr("\"kind\":\"start\""));
  store_.reset();
  Reopen();
  EXPECT_EQ(AuditSize(), size + 4) << "nothing is left to abandon";
  EXPECT_THAT(Sign(*first), FailsWith(Reason::kChangedMeanwhile)) << "a late result is destroyed";
  EXPECT_GT(Spend(Id(1)), first->counter().value());
}

constexpr int kThreads = 16;
constexpr std::uint64_t kRounds = 20;

TEST_F(Reserve, GivesEachOfSixteenThreadsItsOwnDevicesCounters) {
  std::vector<Device> devices;
  for (std::uint64_t i = 0; i < kThreads; ++i) devices.push_back(TestDevice(Eui64(1000 + i)));
  Import(devices);
  const std::uint64_t commits = store_->statistics().commits;
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (std::uint64_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      for (std::uint64_t round = 1; round <= kRounds; ++round) {
        const auto counter = StoreTest::Reserve(Id(round, Eui64(1000 + i)));
        if (!counter || counter->counter().value() != kSupplierFloor + round) ++wrong;
        if (!counter || !Sign(*counter)) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_LE(store_->statistics().commits - commits, 2 * kThreads * kRounds);
  EXPECT_EQ(*store_->UnansweredCount(), 0u);
}

TEST_F(Reserve, GivesOneCounterAtATimeToSixteenThreadsOfOneDevice) {
  std::mutex mutex;
  std::set<std::uint64_t> given;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (std::uint64_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      for (std::uint64_t round = 0; round < kRounds; ++round) {
        const auto counter = StoreTest::Reserve(Id(1 + i * kRounds + round));
        if (!counter) {
          if (counter.error().reason != Reason::kBusy) ++wrong;
          continue;
        }
        const std::lock_guard lock(mutex);
        if (!given.insert(counter->counter().value()).second) ++wrong;
        if (given.upper_bound(counter->counter().value()) != given.end()) ++wrong;
        if (!Sign(*counter)) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  ASSERT_FALSE(given.empty());
  EXPECT_EQ(FindDevice()->last_issued, *given.rbegin());
}

}  // namespace
}  // namespace acb::store
