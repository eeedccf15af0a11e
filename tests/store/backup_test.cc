#include <fstream>
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

}  // namespace
}  // namespace acb::store
