// R-SEC3-55: the newest release of the software that ran on a store.
#include <gtest/gtest.h>

#include "tests/store/store_fixture.h"

namespace acb::store {
namespace {

class ReleaseOfAStore : public StoreTest {
 protected:
  void SetUp() override {
    Create();
    Reopen();
  }
  std::optional<std::uint64_t> Newest() {
    const auto newest = store_->NewestRelease();
    EXPECT_TRUE(newest) << newest.error().detail;
    return newest ? *newest : std::nullopt;
  }
};

TEST_F(ReleaseOfAStore, IsNotThereBeforeTheFirst) { EXPECT_EQ(Newest(), std::nullopt); }

TEST_F(ReleaseOfAStore, NeverDecreases) {
  ASSERT_TRUE(store_->KeepRelease(20261122070503));
  EXPECT_EQ(Newest(), 20261122070503U);
  ASSERT_TRUE(store_->KeepRelease(20261122070502));
  EXPECT_EQ(Newest(), 20261122070503U);
  ASSERT_TRUE(store_->KeepRelease(20261122070504));
  Reopen();
  EXPECT_EQ(Newest(), 20261122070504U);
}

}  // namespace
}  // namespace acb::store
