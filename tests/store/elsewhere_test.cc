// Counters for the ACB's other commands (design.md section 4): one sequence with the handovers.
#include "store/elsewhere.h"

#include <atomic>
#include <set>
#include <thread>

#include "tests/store/store_fixture.h"

namespace acb::store {
namespace {

class ReserveElsewhere : public StoreTest {
 protected:
  void SetUp() override { CreateFilled(); }

  Result<Elsewhere> Ask(std::optional<std::uint64_t> proposed = {}, Eui64 device = kDevice) {
    return store_->ReserveElsewhere(
        {.device = device,
         .proposed = proposed ? OriginatorCounter::From(*proposed) : std::nullopt,
         .purpose = "6.24.1",
         .client = "dsp.acb.test",
         .at = kNow});
  }
  std::uint64_t Spend(std::optional<std::uint64_t> proposed = {}) {
    const auto given = Ask(proposed);
    EXPECT_TRUE(given) << (given ? "" : given.error().explanation);
    return given ? given->counter.value() : 0;
  }
  void ImportWith(CellState supplier, CellState network) {
    Device device = TestDevice();
    device.supplier = supplier;
    device.network_operator = network;
    Import({device});
  }
  void Suspend(SuspensionScope scope, const std::string& subject) {
    ASSERT_TRUE(store_->Suspend({{.scope = scope,
                                  .subject = subject,
                                  .authority = "SSC",
                                  .by = "operator",
                                  .since = kNow,
                                  .lift_by = {}}},
                                kNow));
  }
};

// P2: which cell the command is for is not said, so it is above the floor of each.
TEST_F(ReserveElsewhere, GivesACounterAboveEveryFloorOfTheDevice) {
  EXPECT_EQ(Spend(), kNetworkFloor + 1);
  EXPECT_EQ(Spend(), kNetworkFloor + 2);
  ImportWith(OfAcb(9000), Cell(CellState::Holder::kUnknown, {}));
  EXPECT_EQ(Spend(), 9001u);
  ImportWith(Cell(CellState::Holder::kParty, 9500), OfAcb({}));
  EXPECT_EQ(Spend(), 9501u) << "a party's cell may become the ACB's again";
}

// R-128-18: one sequence for all commands of the device.
TEST_F(ReserveElsewhere, SharesTheSequenceWithHandovers) {
  const auto handover = Reserve(Id(1), kNetworkRole);
  ASSERT_TRUE(handover);
  EXPECT_EQ(handover->counter().value(), kNetworkFloor + 1);
  EXPECT_EQ(Spend(), kNetworkFloor + 2);
  // The handover in flight has the lower counter, and is answered as if nothing had happened.
  EXPECT_TRUE(Sign(*handover));
  EXPECT_EQ(StoreTest::Spend(Id(2), kSupplierRole), kNetworkFloor + 3);
}

TEST_F(ReserveElsewhere, RecordsCounterPurposeAndClientTogether) {
  const auto given = Ask();
  ASSERT_TRUE(given);
  const std::string entry = LastEntry();
  for (const char* part :
       {R"("kind":"reserved-elsewhere")", R"("device":"00-DB-12-34-56-78-90-A0")",
        R"("originator_counter":"5001")", R"("sealed":{"purpose":)",
        R"("client":"dsp.acb.test")"}) {
    EXPECT_NE(entry.find(part), std::string::npos) << part << " in " << entry;
  }
  // R-SEC3-69.
  EXPECT_EQ(entry.find("6.24.1"), std::string::npos) << entry;
  EXPECT_NE(store_->ReadDisclosures(given->receipt.index, 1)->front().find(R"("value":"6.24.1")"),
            std::string::npos);
  EXPECT_EQ(store_->ReadAudit(given->receipt.index, 1)->front(), entry);
  EXPECT_EQ(FindDevice()->last_issued, kNetworkFloor + 1);
  Reopen();
  EXPECT_EQ(Spend(), kNetworkFloor + 2) << "after a restart too";
}

// R-128-16.
TEST_F(ReserveElsewhere, TakesAProposalThatIsHighEnoughAndNotTooHigh) {
  EXPECT_THAT(Ask(kNetworkFloor), FailsWith(Reason::kCounterRegression));
  EXPECT_EQ(Spend(kNetworkFloor + 1), kNetworkFloor + 1);
  EXPECT_THAT(Ask(kNetworkFloor + 1), FailsWith(Reason::kCounterRegression));
  const std::uint64_t greatest = kNetworkFloor + 1 + settings_.counter_jump;
  EXPECT_THAT(Ask(greatest + 1), FailsWith(Reason::kCounterLimit));
  EXPECT_EQ(Spend(greatest), greatest);
}

TEST_F(ReserveElsewhere, IsExhaustedAt2To63Minus1) {
  settings_.counter_jump = kMaxSeqNumber;
  Reopen();
  EXPECT_EQ(Spend(kMaxSeqNumber), kMaxSeqNumber);
  const std::uint64_t size = AuditSize();
  EXPECT_THAT(Ask(), FailsWith(Reason::kCounterExhausted));
  EXPECT_EQ(AuditSize(), size);
}

// Other cells stay usable, and one cell cannot use up the counters of all.
TEST_F(ReserveElsewhere, RefusesAFloorAboveTheLimitUnlessTheCellIsAPartys) {
  settings_.recorded_floor_limit = 8000;
  Reopen();
  ImportWith(OfAcb(8000), Cell(CellState::Holder::kUnknown, {}));
  EXPECT_EQ(Spend(), 8001u);
  ImportWith(OfAcb(8001), Cell(CellState::Holder::kUnknown, {}));
  EXPECT_THAT(Ask(), FailsWith(Reason::kFloorLimit));
  ImportWith(Cell(CellState::Holder::kParty, {}), Cell(CellState::Holder::kUnknown, {}));
  EXPECT_EQ(Spend(), 8002u);
}

// R-SEC3-56.
TEST_F(ReserveElsewhere, StopsWithASuspensionOfAllOrOfTheDevice) {
  Suspend(SuspensionScope::kParty, "SUPA");
  Suspend(SuspensionScope::kDevice, kOtherDevice.Hyphenated());
  EXPECT_TRUE(Ask()) << "others are stopped, not this device";
  Suspend(SuspensionScope::kDevice, kDevice.Hyphenated());
  EXPECT_THAT(Ask(), FailsWith(Reason::kBlocked));
  Suspend(SuspensionScope::kAll, "");
  EXPECT_THAT(Ask(), FailsWith(Reason::kSigningSuspended));
}

TEST_F(ReserveElsewhere, RefusesADeviceThatIsNotKnown) {
  EXPECT_THAT(Ask({}, Eui64(1)), FailsWith(Reason::kDeviceUnknown));
}

// P1, with eight callers of both kinds.
TEST_F(ReserveElsewhere, GivesNoCounterTwiceToManyCallers) {
  constexpr int kThreads = 8;
  constexpr int kEach = 40;
  std::mutex mutex;
  std::multiset<std::uint64_t> given;
  std::atomic<int> failures = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        std::uint64_t counter = 0;
        if (t % 2 == 0) {
          const auto one = Ask();
          if (one) counter = one->counter.value();
        } else {
          const auto one = Reserve(Id(static_cast<std::uint64_t>(1000 * t + i)));
          if (!one && one.error().reason == Reason::kBusy) continue;
          if (one && Sign(*one)) counter = one->counter().value();
        }
        if (counter == 0) ++failures;
        const std::scoped_lock lock(mutex);
        given.insert(counter);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  EXPECT_GE(given.size(), static_cast<std::size_t>(kThreads / 2 * kEach));
  EXPECT_EQ(std::set(given.begin(), given.end()).size(), given.size());
}

TEST_F(ReserveElsewhere, ShowsWhatWouldComeNext) {
  auto shown = store_->ShowCounters(kDevice);
  ASSERT_TRUE(shown && shown->has_value());
  EXPECT_EQ((*shown)->last_issued, 0u);
  EXPECT_EQ((*shown)->next_supplier.value().value(), kSupplierFloor + 1);
  EXPECT_EQ((*shown)->next_network_operator.value().value(), kNetworkFloor + 1);
  EXPECT_EQ((*shown)->next_elsewhere.value().value(), kNetworkFloor + 1);
  ImportWith(Cell(CellState::Holder::kParty, {}), OfAcb(6000));
  Spend();
  shown = store_->ShowCounters(kDevice);
  ASSERT_TRUE(shown && shown->has_value());
  EXPECT_EQ((*shown)->last_issued, 6001u);
  EXPECT_THAT((*shown)->next_supplier, FailsWith(Reason::kCellNotAcb));
  EXPECT_EQ((*shown)->next_network_operator.value().value(), 6002u);
  EXPECT_FALSE(store_->ShowCounters(Eui64(1)).value().has_value());
}

TEST(ElsewhereRow, KeepsItsOctets) {
  const ElsewhereRow row{kNow, "8.5"};
  const auto read = DecodeElsewhere(EncodeElsewhere(row));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->at, row.at);
  EXPECT_EQ(read->purpose, row.purpose);
  EXPECT_EQ(ToHex(KeyOfElsewhere(kDevice, *OriginatorCounter::From(5001))),
            "00db1234567890a00000000000001389");
  Bytes octets = EncodeElsewhere(row);
  octets.push_back(0);
  EXPECT_FALSE(DecodeElsewhere(octets));
}

}  // namespace
}  // namespace acb::store
