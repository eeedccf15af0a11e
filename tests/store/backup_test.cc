#include <algorithm>
#include <atomic>
#include <fstream>
#include <optional>
#include <thread>

#include "store/restoration.h"
#include "tests/store/store_fixture.h"

namespace acb::store {
namespace {

class Backup : public StoreTest {
 protected:
  void SetUp() override { CreateFilled(); }
  Result<Bytes> CopyOf() {
    Bytes copy;
    Status copied = store_->Copy([&](BytesView piece) {
      copy.insert(copy.end(), piece.begin(), piece.end());
      return Status(Done{});
    });
    if (!copied) return std::move(copied).error();
    return copy;
  }
  Result<StoreState> Begin() {
    return store_->BeginBackup(audit::Entry("export", kNow).Set("act", "backup"));
  }
};

// R-SEC3-78.
TEST_F(Backup, IsAStoreThatContainsTheTreeItWasPromised) {
  Spend(Id(1));
  const auto state = Begin();
  ASSERT_TRUE(state) << state.error().detail;
  EXPECT_EQ(state->tree_size, store_->anchored()->tree_size);
  const auto copy = CopyOf();
  ASSERT_TRUE(copy);
  auto restoration = Restoration::Begin(root_ / "restored");
  ASSERT_TRUE(restoration);
  ASSERT_TRUE(restoration->Append(*copy));
  ASSERT_TRUE(restoration->EndCopy());
  store_.reset();
  settings_.directory = restoration->staging();
  Open();
  EXPECT_EQ(store_->identity().id, state->identity.id);
  EXPECT_TRUE(*store_->Contains(state->tree_size, state->root));
  EXPECT_FALSE(*store_->Contains(state->tree_size - 1, state->root));
  EXPECT_FALSE(*store_->Contains(state->tree_size + 1000, state->root));
  store_.reset();
  ASSERT_TRUE(restoration->PutInPlace());
  settings_.directory = root_ / "restored";
  Reopen();
  EXPECT_EQ(FindDevice()->last_issued, kSupplierFloor + 1);
}

TEST_F(Backup, LetsTheWriterGoOn) {
  bool wrote = false;
  Status copied = store_->Copy([&](BytesView) {
    if (!wrote) Spend(Id(1));
    wrote = true;
    return Status(Done{});
  });
  EXPECT_TRUE(copied);
  EXPECT_TRUE(wrote);
}

TEST_F(Backup, EndsWithTheSinksFailure) {
  EXPECT_THAT(store_->Copy([](BytesView) { return Status(Failure(Reason::kStoreFull)); }),
              FailsWith(Reason::kStoreFull));
  EXPECT_TRUE(CopyOf()) << "and the next one is made";
}

TEST_F(Backup, EndsWhenAStopComes) {
  int pieces = 0;
  const Status copied = store_->Copy([&](BytesView) {
    ++pieces;
    store_->BeginStop();
    return Status(Done{});
  });
  EXPECT_THAT(copied, FailsWith(Reason::kBusy));
  EXPECT_EQ(pieces, 1);
}

TEST(Restoration, LeavesNothingWhenItIsGivenUp) {
  std::string name = (std::filesystem::temp_directory_path() / "acb-restore-XXXXXX").string();
  const std::filesystem::path root = ::mkdtemp(name.data());
  {
    auto restoration = Restoration::Begin(root / "store");
    ASSERT_TRUE(restoration);
    ASSERT_TRUE(restoration->Append(Bytes(10'000)));
  }
  EXPECT_FALSE(std::filesystem::exists(root / "store"));
  std::filesystem::create_directory(root / "store");
  { ASSERT_TRUE(Restoration::Begin(root / "store")); }
  EXPECT_TRUE(std::filesystem::is_empty(root / "store"));
  std::ofstream(root / "store" / "something") << "here";
  EXPECT_THAT(Restoration::Begin(root / "store"), FailsWith(Reason::kStoreUnavailable));
  EXPECT_TRUE(std::filesystem::exists(root / "store" / "something"));
  std::filesystem::remove_all(root);
}

// As a kill leaves it at each step before the last.
TEST(Restoration, TakesAwayWhatAKilledOneLeft) {
  std::string name = (std::filesystem::temp_directory_path() / "acb-restore-XXXXXX").string();
  const std::filesystem::path root = ::mkdtemp(name.data());
  const std::filesystem::path directory = root / "store";
  const auto leave = [&](int steps) {
    std::filesystem::remove_all(directory);
    std::filesystem::create_directories(directory / "restoring");
    std::ofstream(directory / "restoring" / "data.mdb") << "half of it";
    if (steps > 0) std::ofstream(directory / "store.lock").flush();
    if (steps > 1) std::filesystem::create_directory(directory / "tmp");
  };
  for (int steps = 0; steps <= 2; ++steps) {
    leave(steps);
    const auto restoration = Restoration::Begin(directory);
    ASSERT_TRUE(restoration) << steps << restoration.error().explanation;
    EXPECT_EQ(std::filesystem::file_size(directory / "restoring" / "data.mdb"), 0U);
    EXPECT_FALSE(std::filesystem::exists(directory / "store.lock"));
    EXPECT_FALSE(std::filesystem::exists(directory / "tmp"));
  }
  // A store, or what was never one of these, stays as it is.
  for (const char* other : {"data.mdb", "something"}) {
    leave(2);
    std::ofstream(directory / other) << "here";
    EXPECT_THAT(Restoration::Begin(directory), FailsWith(Reason::kStoreUnavailable)) << other;
    EXPECT_EQ(std::filesystem::file_size(directory / "restoring" / "data.mdb"), 10U);
    EXPECT_TRUE(std::filesystem::exists(directory / other));
  }
  std::filesystem::remove_all(root);
}

TEST(Restoration, OfSeveralAtOnceOneWinsAndTheOthersTakeNothingAway) {
  constexpr int kTries = 200;
  constexpr int kThreads = 4;
  std::string name = (std::filesystem::temp_directory_path() / "acb-restore-XXXXXX").string();
  const std::filesystem::path root = ::mkdtemp(name.data());
  const std::filesystem::path directory = root / "store";
  for (int i = 0; i < kTries; ++i) {
    std::filesystem::create_directory(directory);
    std::vector<std::optional<Result<Restoration>>> begun(kThreads);
    std::atomic<int> waiting = kThreads;
    std::vector<std::thread> threads;
    for (auto& one : begun) {
      threads.emplace_back([&] {
        --waiting;
        while (waiting > 0) {  // ends when all threads run
        }
        one.emplace(Restoration::Begin(directory));
      });
    }
    for (std::thread& thread : threads) thread.join();
    const auto won = std::ranges::count_if(begun, [](const auto& one) { return bool(*one); });
    EXPECT_EQ(won, 1);
    EXPECT_TRUE(std::filesystem::exists(directory / "restoring" / "data.mdb")) << i;
    begun.clear();
    std::filesystem::remove_all(directory);
  }
  std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace acb::store
