// The reserve of space below which no new work is taken (issue 4).
#include <atomic>
#include <chrono>
#include <thread>

#include "tests/store/store_fixture.h"

namespace acb::store {
namespace {

using FileSystem = std::optional<std::pair<std::uint64_t, std::uint64_t>>;

class SpaceReserve : public StoreTest {
 protected:
  void Begin(std::uint64_t available) {
    available_ = available;
    settings_.reserve = kReserve;
    CreateFilled();
    Seams seams;
    seams.file_system = [this]() -> FileSystem {
      ++looks_;
      return std::pair(std::uint64_t{1} << 40, available_.load());
    };
    Reopen(std::move(seams));
  }
  static constexpr std::uint64_t kReserve = std::uint64_t{8} << 20;
  std::atomic<std::uint64_t> available_ = 0;
  std::atomic<int> looks_ = 0;
};

TEST_F(SpaceReserve, RefusesNewWorkAndImportsBeforeAnythingIsWritten) {
  Begin(kReserve - 1);
  const std::uint64_t size = AuditSize();
  const std::uint64_t last = FindDevice()->last_issued;
  EXPECT_THAT(Reserve(Id(1)), FailsWith(Reason::kStoreFull));
  EXPECT_THAT(store_->Record(Observation(kNow)), FailsWith(Reason::kStoreFull));
  EXPECT_THAT(store_->ImportCertificates({Bytes{1}}, FeedEntry()), FailsWith(Reason::kStoreFull));
  EXPECT_THAT(store_->attention(), FailsWith(Reason::kStoreFull));
  EXPECT_EQ(AuditSize(), size);
  EXPECT_EQ(FindDevice()->last_issued, last);
  const std::string body = "body";
  EXPECT_TRUE(store_->AppendRefused(Id(2), Sha256(AsBytes(body)), audit::Entry("refused", kNow),
                                    Reason::kChain, AsBytes(body)));
  EXPECT_TRUE(store_->Append(audit::Entry("operator", kNow)));
  EXPECT_TRUE(store_->Suspend({{SuspensionScope::kAll, "", "SSC", "operator-1", kNow, ""}}, kNow));
  EXPECT_TRUE(
      store_->AgreeToLift({{SuspensionScope::kAll, "", "SSC", "operator-1", kNow, ""}}, kNow));
}

TEST_F(SpaceReserve, LetsWhatWasBegunBeEndedAndRecoversWhenSpaceReturns) {
  Begin(kReserve);
  auto first = Reserve(Id(1));
  auto second = Reserve(Id(2, kOtherDevice));
  ASSERT_TRUE(first && second) << "exactly the reserve is enough";
  EXPECT_TRUE(store_->attention());
  available_ = 0;
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  EXPECT_THAT(Reserve(Id(3)), FailsWith(Reason::kStoreFull));
  EXPECT_TRUE(Sign(*first));
  EXPECT_TRUE(store_->Abandon(*std::move(second), Reason::kHsmUnavailable, kNow));
  available_ = kReserve;
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  EXPECT_NE(Spend(Id(3)), 0u);
}

TEST_F(SpaceReserve, AsksTheFileSystemAtMostOnceASecond) {
  Begin(kReserve);
  const int before = looks_;
  const auto start = std::chrono::steady_clock::now();
  for (std::uint64_t i = 1; i <= 20; ++i) Spend(Id(i));
  const auto took = std::chrono::steady_clock::now() - start;
  EXPECT_LE(looks_, before + 2 + took / std::chrono::seconds(1));
}

TEST_F(SpaceReserve, OfTheMapRefusesNewWorkToo) {
  CreateFilled();
  settings_.reserve = kTestMap;
  Reopen();
  const auto refused = Reserve(Id(1));
  ASSERT_THAT(refused, FailsWith(Reason::kStoreFull));
  EXPECT_NE(refused.error().detail.find("map_size_gib"), std::string::npos);
  settings_.reserve = kTestMap - store_->statistics().used_octets - (std::uint64_t{1} << 20);
  Reopen();
  EXPECT_TRUE(Reserve(Id(1)));
}

TEST_F(SpaceReserve, IsASixteenthOfTheMapWhenItIsNotGiven) {
  settings_.map_size = std::uint64_t{2} << 20;
  Create();
  Seams seams;
  std::uint64_t available = settings_.map_size / 16;
  seams.file_system = [&]() -> FileSystem { return std::pair(std::uint64_t{1} << 40, available); };
  Reopen(std::move(seams));
  EXPECT_TRUE(store_->attention());
  Seams less;
  --available;
  less.file_system = [&]() -> FileSystem { return std::pair(std::uint64_t{1} << 40, available); };
  Reopen(std::move(less));
  EXPECT_THAT(store_->attention(), FailsWith(Reason::kStoreFull));
}

}  // namespace
}  // namespace acb::store
