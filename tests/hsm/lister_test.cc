// The lister's process: how it lives, ends and fails (design.md section 5).
#include "hsm/lister.h"

#include <dirent.h>
#include <fcntl.h>

#include <chrono>
#include <cstdio>
#include <map>
#include <thread>

#include "hsm/data_objects.h"
#include "hsm/listing_messages.h"
#include "hsm/login.h"
#include "hsm/opened.h"
#include "tests/hsm/forked.h"
#include "tests/hsm/test_token.h"

namespace acb::hsm {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::Forked;
using testing::Why;

bool Ends(pid_t process, milliseconds patience = milliseconds(10'000)) {
  const auto end = steady_clock::now() + patience;
  while (kill(process, 0) == 0) {
    // A zombie that another process has to collect has ended.
    std::ifstream stat("/proc/" + std::to_string(process) + "/stat");
    std::string all((std::istreambuf_iterator<char>(stat)), {});
    if (const auto at = all.rfind(") "); at != std::string::npos && all[at + 2] == 'Z') return true;
    if (steady_clock::now() > end) return false;
    std::this_thread::sleep_for(milliseconds(5));
  }
  return true;
}

// Each pipe of this process: what it is, and the numbers it has.
std::map<std::string, std::vector<int>> Pipes() {
  std::map<std::string, std::vector<int>> pipes;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    const std::string target = std::filesystem::read_symlink(entry.path(), gone).string();
    if (target.starts_with("pipe:")) pipes[target].push_back(std::stoi(entry.path().filename()));
  }
  return pipes;
}

class ListerProcess : public testing::TokenTest {
 protected:
  void SetUp() override {
    TokenTest::SetUp();
    module_ = ACB_SHIM_PATH;
    setenv("ACB_SHIM_MODULE", testing::kSoftHsm, 1);
    ASSERT_TRUE(MakeToken("acb"));
  }
  void TearDown() override {
    for (const char* name :
         {"ACB_SHIM_MODULE", "ACB_SHIM_DELAY", "ACB_SHIM_CALLS", "ACB_SHIM_PROCESS"}) {
      unsetenv(name);
    }
    TokenTest::TearDown();
  }
  std::unique_ptr<Lister> StartLister(milliseconds deadline = milliseconds(60'000)) const {
    auto lister = Lister::Start(Settings(), deadline);
    EXPECT_TRUE(lister) << Why(lister);
    return lister ? *std::move(lister) : nullptr;
  }
  // As every process does: under the lock. Without it a listing that logs in at the moment, as the
  // late one may, hides the token.
  void CreateObject(std::string_view application, BytesView octets) {
    HsmSettings settings = Settings();
    const auto lock = StartLock::Acquire(settings.lock_file);
    ASSERT_TRUE(lock) << Why(lock);
    auto opened = OpenToken(settings, SessionAccess::kReadWrite);
    ASSERT_TRUE(opened) << Why(opened);
    ASSERT_TRUE(CreateDataObject(opened->login->session(), application, octets));
  }
  // A lister and a second end to write its replies with. Of the pipe for requests we have both
  // ends, of the one for replies only one.
  std::pair<std::unique_ptr<Lister>, Descriptor> StartListerAndImitate(milliseconds deadline) {
    const auto before = Pipes();
    auto lister = StartLister(deadline);
    Descriptor replies;
    for (const auto& [name, numbers] : Pipes()) {
      if (before.contains(name) || numbers.size() != 1) continue;
      EXPECT_FALSE(replies) << "one such pipe";
      const std::string path = "/proc/self/fd/" + std::to_string(numbers.front());
      replies = Descriptor(open(path.c_str(), O_WRONLY | O_CLOEXEC));
    }
    EXPECT_TRUE(replies);
    return {std::move(lister), std::move(replies)};
  }
  std::string Calls() const {
    std::ifstream file(directory_ / "calls");
    return std::string(std::istreambuf_iterator<char>(file), {});
  }
  // The shim sleeps in the listing's first search.
  void MakeListingsHang() const {
    setenv("ACB_SHIM_PROCESS", "acb-listing", 1);
    setenv("ACB_SHIM_DELAY", "C_FindObjectsInit:20000000", 1);
  }
};

TEST_F(ListerProcess, ListsAgainAndAgain) {
  const auto lister = StartLister();
  ASSERT_TRUE(lister);
  for (int i = 0; i < 3; ++i) {
    const auto listed = lister->List(kAnchorApplication);
    ASSERT_TRUE(listed) << Why(listed);
    EXPECT_TRUE(listed->empty());
  }
}

TEST_F(ListerProcess, HasNoDescriptorButItsPipesAndStandardError) {
  const int store_lock = open((directory_ / "store.lock").c_str(), O_RDWR | O_CREAT, 0600);
  ASSERT_GE(store_lock, 0);
  const auto lister = StartLister();
  ASSERT_TRUE(lister && lister->List(kAnchorApplication));
  // It is not dumpable: only root may look into it, and root can.
  const std::string place = "/proc/" + std::to_string(lister->process()) + "/fd";
  std::vector<std::string> open_here;
  if (DIR* directory = opendir(place.c_str()); directory != nullptr) {
    while (const dirent* entry = readdir(directory)) {
      if (entry->d_name[0] != '.') open_here.emplace_back(entry->d_name);
    }
    closedir(directory);
    std::ranges::sort(open_here);
    EXPECT_EQ(open_here, (std::vector<std::string>{"0", "1", "2", "3", "4"}));
  } else {
    EXPECT_NE(geteuid(), 0U);
  }
  close(store_lock);
}

TEST_F(ListerProcess, EndsWhenItsOwnerLetsGo) {
  auto lister = StartLister();
  ASSERT_TRUE(lister);
  const pid_t process = lister->process();
  lister.reset();
  EXPECT_NE(kill(process, 0), 0) << "and was collected";
}

TEST_F(ListerProcess, EndsWhenItsParentIsKilled) {
  MakeListingsHang();
  Forked parent([&](Forked& self) {
    auto lister = Lister::Start(Settings());
    if (!lister) return 1;
    const pid_t process = (*lister)->process();
    for (int shift = 0; shift < 32; shift += 8)
      self.Say(static_cast<std::uint8_t>(process >> shift));
    return (*lister)->List(kAnchorApplication) ? 2 : 3;
  });
  pid_t lister = 0;
  for (int shift = 0; shift < 32; shift += 8) lister |= parent.Hear().value_or(0) << shift;
  ASSERT_GT(lister, 1);
  std::this_thread::sleep_for(milliseconds(100));
  EXPECT_EQ(kill(lister, 0), 0);
  parent.Kill();
  EXPECT_TRUE(Ends(lister));
}

// A service manager signals every process of the service; the clean stop lists once more.
TEST_F(ListerProcess, OutlivesTheSignalsThatStopAService) {
  const auto lister = StartLister();
  ASSERT_TRUE(lister && lister->List(kAnchorApplication));
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGQUIT}) kill(lister->process(), number);
  const auto listed = lister->List(kAnchorApplication);
  EXPECT_TRUE(listed) << Why(listed);
}

TEST_F(ListerProcess, ThatWasKilledIsAFailureThatSaysSo) {
  const auto lister = StartLister();
  ASSERT_TRUE(lister && lister->List(kAnchorApplication));
  kill(lister->process(), SIGKILL);
  for (int i = 0; i < 3; ++i) {
    const auto listed = lister->List(kAnchorApplication);
    ASSERT_FALSE(listed);
    EXPECT_EQ(listed.error().reason, Reason::kHsmUnavailable);
    EXPECT_EQ(listed.error().detail,
              "the process that lists the HSM's objects has ended; it can only be started with "
              "the service: restart it");
  }
}

TEST_F(ListerProcess, ThatIsStoppedIsAFailureAndItsLateAnswerIsNotTakenForANewOne) {
  const auto lister = StartLister(milliseconds(2500));
  ASSERT_TRUE(lister);
  kill(lister->process(), SIGSTOP);
  const auto late = lister->List(kAnchorApplication);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().detail, "the process that lists the HSM's objects does not answer");
  kill(lister->process(), SIGCONT);
  // An answer to another application would show: this one has an object.
  CreateObject("another", Bytes{1, 2});
  Result<std::vector<Bytes>> listed = lister->List("another");
  for (int i = 0; i < 100 && !listed; ++i) listed = lister->List("another");  // a slow machine
  ASSERT_TRUE(listed) << Why(listed);
  EXPECT_EQ(*listed, (std::vector<Bytes>{{1, 2}}));
}

TEST_F(ListerProcess, ThatStopsInTheMiddleOfAReplyIsUnderstoodAfterwards) {
  const Bytes outcome = EncodeOutcome(std::vector<Bytes>{Bytes(200, 7)});
  const Bytes reply =
      ByteWriter().U64(1).U32(static_cast<std::uint32_t>(outcome.size())).Raw(outcome).bytes();
  for (const std::size_t come : {std::size_t{5}, kReplyHeaderSize, reply.size() / 2}) {
    SCOPED_TRACE(come);
    const auto [lister, replies] = StartListerAndImitate(milliseconds(2500));
    ASSERT_TRUE(lister);
    kill(lister->process(), SIGSTOP);
    ASSERT_TRUE(WriteAll(replies, BytesView(reply).first(come)));
    const auto late = lister->List("another");
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().detail, "the process that lists the HSM's objects does not answer");
    ASSERT_TRUE(WriteAll(replies, BytesView(reply).subspan(come)));
    kill(lister->process(), SIGCONT);
    Result<std::vector<Bytes>> listed = lister->List("another");
    for (int i = 0; i < 100 && !listed; ++i) listed = lister->List("another");  // a slow machine
    ASSERT_TRUE(listed) << Why(listed);
    EXPECT_TRUE(listed->empty()) << "and not what the earlier listing saw";
  }
}

TEST_F(ListerProcess, GivesUpOnAModuleThatHangsAndGoesOnAfterwards) {
  MakeListingsHang();
  const auto lister = StartLister(milliseconds(2500));
  ASSERT_TRUE(lister);
  for (int i = 0; i < 2; ++i) {
    const auto start = steady_clock::now();
    const auto listed = lister->List(kAnchorApplication);
    const auto took = steady_clock::now() - start;
    ASSERT_FALSE(listed);
    EXPECT_EQ(listed.error().reason, Reason::kHsmUnavailable);
    EXPECT_EQ(listed.error().detail, "listing the HSM's objects took longer than 2500 ms");
    EXPECT_LT(took, milliseconds(15'000));  // the module hangs for 20 s
  }
  // The lock went with the process that hung.
  EXPECT_TRUE(StartLock::Acquire(directory_ / "lock", milliseconds(2000)));
}

// ecosystem.md section 3, quirk 3: a token is lost whose login is torn.
TEST_F(ListerProcess, LetsAListingThatIsOutOfTimeEndItsLogin) {
  setenv("ACB_SHIM_PROCESS", "acb-listing", 1);
  setenv("ACB_SHIM_DELAY", "C_Login:4000000", 1);
  setenv("ACB_SHIM_CALLS", (directory_ / "calls").c_str(), 1);
  const auto lister = StartLister(milliseconds(2000));
  ASSERT_TRUE(lister);
  // Out of time in the login; a slow machine may be out of time before.
  constexpr std::string_view kBegins = "C_Login begins\n";
  std::string calls;
  for (int i = 0; i < 100 && calls.find(kBegins) == std::string::npos; ++i) {
    EXPECT_FALSE(lister->List(kAnchorApplication));
    ASSERT_TRUE(StartLock::Acquire(directory_ / "lock")) << "no one has the token any more";
    calls = Calls();
  }
  ASSERT_NE(calls.find(kBegins), std::string::npos);
  EXPECT_NE(calls.find("C_Login ends\n"), std::string::npos) << calls;
  EXPECT_EQ(calls.find("C_FindObjectsInit"), std::string::npos) << "and it ended then: " << calls;
}

TEST_F(ListerProcess, TriesAWrongPinOnce) {
  HsmSettings settings = Settings();
  settings.pin = testing::ToSecret("11111111");
  auto lister = Lister::Start(settings);
  ASSERT_TRUE(lister);
  const auto first = (*lister)->List(kAnchorApplication);
  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().reason, Reason::kHsmPin);
  // Without the token another try would say something else.
  std::filesystem::rename(directory_ / "tokens", directory_ / "elsewhere");
  const auto second = (*lister)->List(kAnchorApplication);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().detail, first.error().detail);
}

TEST_F(ListerProcess, WaitsForATokenThatIsNotSeenAndThenSaysWhich) {
  const auto lister = StartLister();
  ASSERT_TRUE(lister);
  std::filesystem::rename(directory_ / "tokens", directory_ / "elsewhere");
  std::filesystem::create_directory(directory_ / "tokens");
  const auto listed = lister->List(kAnchorApplication);
  ASSERT_FALSE(listed);
  EXPECT_NE(listed.error().detail.find("0 tokens are labelled \"acb\""), std::string::npos);
  std::thread back([&] {
    std::this_thread::sleep_for(milliseconds(200));
    // In one step: SoftHSM is not initialised where there is no folder.
    EXPECT_EQ(::renameat2(AT_FDCWD, (directory_ / "elsewhere").c_str(), AT_FDCWD,
                          (directory_ / "tokens").c_str(), RENAME_EXCHANGE),
              0);
  });
  const auto found = lister->List(kAnchorApplication);
  back.join();
  EXPECT_TRUE(found) << Why(found);
}

TEST_F(ListerProcess, RefusesAnApplicationOfNoUse) {
  const auto lister = StartLister();
  ASSERT_TRUE(lister);
  EXPECT_FALSE(lister->List(""));
  EXPECT_FALSE(lister->List(std::string(33, 'a')));
  EXPECT_TRUE(lister->List(std::string(32, 'a')));
}

}  // namespace
}  // namespace acb::hsm
