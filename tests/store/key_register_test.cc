// R-SEC3-40, R-SEC3-41: the register of keys and the records of the ceremonies that changed it.
#include <gtest/gtest.h>

#include "tests/store/store_fixture.h"

namespace acb::store {
namespace {

class KeyRegisterOfAStore : public StoreTest {
 protected:
  void SetUp() override {
    Create();
    Reopen();
  }
  std::optional<std::string> Read() {
    const auto keys = store_->ReadKeyRegister();
    EXPECT_TRUE(keys) << keys.error().detail;
    return keys ? *keys : std::nullopt;
  }
  static audit::Entry Ceremony() { return audit::Entry("ceremony", kNow).Set("act", "generate"); }
};

TEST_F(KeyRegisterOfAStore, IsNotThereBeforeTheFirstCeremony) { EXPECT_EQ(Read(), std::nullopt); }

TEST_F(KeyRegisterOfAStore, IsWrittenWithTheRecordOfTheCeremony) {
  const auto receipt = store_->AppendCeremony(Ceremony(), R"({"keys":[]})");
  ASSERT_TRUE(receipt) << receipt.error().detail;
  EXPECT_EQ(Read(), R"({"keys":[]})");
  EXPECT_GT(store_->anchored()->tree_size, receipt->index) << "anchored before it returned";
  const auto entries = store_->ReadAudit(receipt->index, 1);
  ASSERT_TRUE(entries && entries->size() == 1);
  EXPECT_NE(entries->front().find(R"("kind":"ceremony")"), std::string::npos);
  Reopen();
  EXPECT_EQ(Read(), R"({"keys":[]})");
}

TEST_F(KeyRegisterOfAStore, IsLeftByACeremonyThatEndedEarly) {
  ASSERT_TRUE(store_->AppendCeremony(Ceremony(), R"({"keys":[]})"));
  const auto size = store_->AuditSize();
  ASSERT_TRUE(store_->AppendCeremony(Ceremony(), std::nullopt));
  EXPECT_EQ(Read(), R"({"keys":[]})");
  EXPECT_GT(*store_->AuditSize(), *size);
}

TEST_F(KeyRegisterOfAStore, IsNotWrittenToAStoreThatIsNotStarted) {
  Open();
  EXPECT_FALSE(store_->AppendCeremony(Ceremony(), R"({"keys":[]})"));
  EXPECT_EQ(Read(), std::nullopt);
}

}  // namespace
}  // namespace acb::store
