#include <fcntl.h>
#include <lmdb.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/store/store_fixture.h"

namespace acb::store {
namespace {

using OpenStore = StoreTest;

mode_t ModeOf(const std::filesystem::path& path) {
  struct stat status {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
  return status.st_mode & 07777;
}

TEST_F(OpenStore, IsMadeForItsOwnerOnlyWhateverTheUmask) {
  const mode_t before = ::umask(0);
  Create();
  Reopen();
  ::umask(before);
  EXPECT_EQ(ModeOf(settings_.directory), 0700u);
  for (const auto& file : std::filesystem::directory_iterator(settings_.directory)) {
    EXPECT_EQ(ModeOf(file.path()), 0600u) << file.path();
  }
}

// Of a store that the page cache does not hold, a request reads the pages that it wants and no more
// (issue 6: flat to 100 million devices): flag "rr" of proc(5), smaps.
TEST_F(OpenStore, ReadsNothingAheadForARequest) {
  Create();
  Reopen();
  std::ifstream maps("/proc/self/smaps");
  bool ours = false;
  std::string flags;
  for (std::string line; std::getline(maps, line);) {
    if (line.find("data.mdb") != std::string::npos) ours = true;
    if (!ours || line.rfind("VmFlags:", 0) != 0) continue;
    flags = line + " ";
    break;
  }
  EXPECT_NE(flags.find(" rr "), std::string::npos) << flags;
}

TEST_F(OpenStore, SaysWhatItWasMadeFor) {
  Create();
  Reopen();
  EXPECT_EQ(store_->environment(), Environment::kTest);
  EXPECT_EQ(store_->identity().id, (StoreId{1, 2, 3}));
  EXPECT_EQ(store_->identity().created, kNow);
  EXPECT_EQ(AuditSize(), 2u) << "provision, start";
}

TEST_F(OpenStore, IsNeverMadeOverAnother) {
  Create();
  const auto again = Store::Create(settings_.directory, {Environment::kTest, StoreId{9}, kNow});
  EXPECT_THAT(again, FailsWith(Reason::kStoreUnavailable));
  Reopen();
  EXPECT_EQ(store_->identity().id, (StoreId{1, 2, 3}));
}

TEST_F(OpenStore, IsMadeInADirectoryThatIsEmpty) {
  std::filesystem::create_directory(settings_.directory);
  Create();
  Reopen();
}

TEST_F(OpenStore, RefusesADirectoryThatIsNotThere) {
  EXPECT_THAT(Store::Open(settings_), FailsWith(Reason::kStoreMissing));
  EXPECT_FALSE(std::filesystem::exists(settings_.directory));
}

TEST_F(OpenStore, RefusesAnEmptyDirectoryAndLeavesItEmpty) {
  std::filesystem::create_directory(settings_.directory);
  EXPECT_THAT(Store::Open(settings_), FailsWith(Reason::kStoreMissing));
  EXPECT_TRUE(std::filesystem::is_empty(settings_.directory));
}

TEST_F(OpenStore, RefusesAStoreThatLostItsDataFile) {
  Create();
  std::filesystem::remove(settings_.directory / "data.mdb");
  EXPECT_THAT(Store::Open(settings_), FailsWith(Reason::kStoreMissing));
  EXPECT_FALSE(std::filesystem::exists(settings_.directory / "data.mdb"));
}

TEST_F(OpenStore, RefusesADataFileThatIsEmpty) {
  Create();
  std::filesystem::resize_file(settings_.directory / "data.mdb", 0);
  EXPECT_THAT(Store::Open(settings_), FailsWith(Reason::kStoreMissing));
  EXPECT_EQ(std::filesystem::file_size(settings_.directory / "data.mdb"), 0u);
}

TEST_F(OpenStore, RefusesADataFileOfSomethingElse) {
  Create();
  std::ofstream(settings_.directory / "data.mdb") << std::string(65536, 'x');
  EXPECT_THAT(Store::Open(settings_), FailsWith(Reason::kRecordDamaged));
  std::ofstream(settings_.directory / "data.mdb") << std::string(100, 'x');
  EXPECT_THAT(Store::Open(settings_), FailsWith(Reason::kRecordDamaged));
}

TEST_F(OpenStore, SaysWhatLeadsOutWhenItIsMissingOrOverwritten) {
  const auto data = settings_.directory / "data.mdb";
  const auto says_the_way_out = [&] {
    const auto opened = Store::Open(settings_);
    ASSERT_FALSE(opened);
    for (const char* command : {"acbctl restore", "acbctl recover", "acbctl provision"}) {
      EXPECT_NE(opened.error().explanation.find(command), std::string::npos) << command;
    }
  };
  says_the_way_out();
  Create();
  {
    std::fstream file(data, std::ios::in | std::ios::out | std::ios::binary);
    file << std::string(8192, '\0');
  }
  EXPECT_THAT(Store::Open(settings_), FailsWith(Reason::kRecordDamaged)) << "damage, no first run";
  says_the_way_out();
  std::filesystem::resize_file(data, 0);
  says_the_way_out();
  std::filesystem::remove(data);
  says_the_way_out();
}

TEST_F(OpenStore, RefusesADataFileThatWasCut) {
  CreateFilled();
  store_.reset();
  const auto data = settings_.directory / "data.mdb";
  const auto size = std::filesystem::file_size(data);
  std::filesystem::resize_file(data, size - 4096);
  EXPECT_THAT(Store::Open(settings_), FailsWith(Reason::kRecordDamaged));
}

TEST_F(OpenStore, RefusesAStoreWithoutSettings) {
  // What a power failure in the middle of Create leaves.
  Create();
  {
    MDB_env* environment = nullptr;
    MDB_txn* transaction = nullptr;
    MDB_dbi settings = 0;
    ASSERT_EQ(mdb_env_create(&environment), 0);
    ASSERT_EQ(mdb_env_set_maxdbs(environment, 32), 0);
    ASSERT_EQ(mdb_env_open(environment, settings_.directory.c_str(), 0, 0600), 0);
    ASSERT_EQ(mdb_txn_begin(environment, nullptr, 0, &transaction), 0);
    ASSERT_EQ(mdb_dbi_open(transaction, "settings", 0, &settings), 0);
    ASSERT_EQ(mdb_drop(transaction, settings, 0), 0);
    ASSERT_EQ(mdb_txn_commit(transaction), 0);
    mdb_env_close(environment);
  }
  const auto opened = Store::Open(settings_);
  EXPECT_THAT(opened, FailsWith(Reason::kStoreMissing));
  EXPECT_NE(opened.error().explanation.find("settings"), std::string::npos);
}

// P8.
TEST_F(OpenStore, RefusesTheOtherEnvironment) {
  Create();
  settings_.environment = Environment::kLive;
  const auto opened = Store::Open(settings_);
  EXPECT_THAT(opened, FailsWith(Reason::kConfiguration));
  EXPECT_NE(opened.error().explanation.find("test"), std::string::npos);
  settings_.environment = Environment::kTest;
  EXPECT_TRUE(Store::Open(settings_));
}

TEST_F(OpenStore, IsForOneAtATime) {
  Create();
  Reopen();
  const auto second = Store::Open(settings_);
  EXPECT_THAT(second, FailsWith(Reason::kStoreUnavailable));
  EXPECT_NE(second.error().explanation.find("another acbd has"), std::string::npos);
  EXPECT_TRUE(store_->Append(audit::Entry("start", kNow))) << "the first is not disturbed";
  store_.reset();
  EXPECT_TRUE(Store::Open(settings_));
}

}  // namespace
}  // namespace acb::store
