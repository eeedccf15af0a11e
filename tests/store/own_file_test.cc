// The data file under the running box: nobody else writes it, and it stays where it is (P1, P4).
#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "store/environment.h"
#include "store/trial.h"
#include "tests/store/store_fixture.h"

namespace acb::store {
namespace {

class OwnFile : public StoreTest {
 protected:
  void SetUp() override { CreateFilled(); }

  std::filesystem::path Data() const { return settings_.directory / kDataFile; }
  std::string Octets() const {
    std::ifstream in(Data(), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  // In place, as cp does over a file that is there.
  void Overwrite(const std::string& octets) const {
    const Descriptor file(::open(Data().c_str(), O_WRONLY | O_CLOEXEC));
    ASSERT_TRUE(file);
    ASSERT_EQ(::pwrite(file.get(), octets.data(), octets.size(), 0),
              static_cast<ssize_t>(octets.size()));
  }
  void ExpectEnded(Reason reason) {
    EXPECT_THAT(Reserve(Id(90)), FailsWith(reason));
    EXPECT_THAT(store_->attention(), FailsWith(reason));
    EXPECT_THAT(store_->Append(audit::Entry("alarm", kNow)), FailsWith(reason));
  }
};

// Found by an attack: ten counters came twice, and all was said to be well.
TEST_F(OwnFile, PutBackToAnEarlierStateGivesOutNoCounterAgain) {
  ASSERT_NE(Spend(Id(1)), 0u);
  const std::string before = Octets();
  ASSERT_NE(Spend(Id(2)), 0u);
  Overwrite(before);
  ExpectEnded(Reason::kStoreRolledBack);
}

TEST_F(OwnFile, RemovedEndsTheBox) {
  ASSERT_TRUE(std::filesystem::remove(Data()));
  ExpectEnded(Reason::kStoreMissing);
}

TEST_F(OwnFile, ReplacedByAnotherOfItsNameEndsTheBox) {
  const auto other = settings_.directory / "other";
  std::filesystem::copy_file(Data(), other);
  std::filesystem::rename(other, Data());
  ExpectEnded(Reason::kStoreMissing);
}

TEST_F(OwnFile, IsLookedForWhileNobodyAsks) {
  ASSERT_TRUE(std::filesystem::remove(Data()));
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (store_->attention() && std::chrono::steady_clock::now() < end) ::usleep(10'000);
  EXPECT_THAT(store_->attention(), FailsWith(Reason::kStoreMissing));
}

// Found by an attack: a page's damage ended acbd at each start, and nothing said why.
class Trial : public OwnFile {
 protected:
  void SetUp() override {
    OwnFile::SetUp();
    store_.reset();
  }
  Status Try() const { return TryReading(settings_.directory, settings_.map_size); }
};

TEST_F(Trial, LeavesASoundStoreAsItIs) {
  const std::string before = Octets();
  EXPECT_TRUE(Try());
  EXPECT_EQ(Octets(), before);
}

TEST_F(Trial, LeavesWhatItCannotOpenToOpen) {
  std::filesystem::remove(Data());
  EXPECT_TRUE(Try());
  EXPECT_THAT(Store::Open(settings_), FailsWith(Reason::kStoreMissing));
}

TEST_F(Trial, OutlivesDamageToPages) {
  constexpr std::size_t kPage = 4096;
  constexpr std::size_t kMetaPages = 2;
  constexpr std::size_t kHeader = 16;
  const std::string sound = Octets();
  int deadly = 0;
  for (std::size_t page = kMetaPages; page < sound.size() / kPage; ++page) {
    std::string damaged = sound;
    // Flags that no page has, room that ends before it begins, and keys beyond the page.
    for (std::size_t i = 8; i < kHeader + 16; ++i) {
      damaged[page * kPage + i] = static_cast<char>(0xFF);
    }
    Overwrite(damaged);
    const Status tried = Try();
    if (tried) continue;
    EXPECT_THAT(tried, FailsWith(Reason::kRecordDamaged));
    EXPECT_NE(tried.error().explanation.find("acbctl recover"), std::string::npos);
    ++deadly;
  }
  EXPECT_GT(deadly, 0) << "this test damages nothing that matters";
}

}  // namespace
}  // namespace acb::store
