#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include <chrono>
#include <random>
#include <sstream>
#include <thread>

#include "tests/fakes/directory_objects.h"
#include "tests/store/crash_values.h"
#include "tests/store/store_fixture.h"

namespace acb::store {
namespace {

constexpr int kKills = 30;

class Crash : public StoreTest {
 protected:
  // Parent and child have one token.
  AnchorObjects& objects() override { return *files_; }
  enum class LifeFrom { kItsStart, kItsFirstReport, kItsFirstSignature };

  // Runs the child, kills it when `life` is over, and gives what it reported.
  std::string RunChild(std::uint64_t first_request, LifeFrom from, std::chrono::microseconds life) {
    int pipe_ends[2];
    EXPECT_EQ(::pipe2(pipe_ends, O_CLOEXEC), 0);
    const std::string number = std::to_string(first_request);
    const std::string directory = settings_.directory.string();
    const std::string token = (root_ / "token").string();
    const pid_t child = ::fork();
    if (child == 0) {
      ::dup2(pipe_ends[1], STDOUT_FILENO);
      ::execl(ACB_STORE_CRASH_CHILD, ACB_STORE_CRASH_CHILD, directory.c_str(), token.c_str(),
              number.c_str(), nullptr);
      ::_exit(127);
    }
    EXPECT_GT(child, 0);
    ::close(pipe_ends[1]);
    std::string reported;
    const auto read_some = [&] {
      char buffer[4096];
      const ssize_t got = ::read(pipe_ends[0], buffer, sizeof buffer);
      if (got > 0) reported.append(buffer, static_cast<std::size_t>(got));
      return got > 0;
    };
    if (from == LifeFrom::kItsFirstReport) read_some();
    while (from == LifeFrom::kItsFirstSignature && reported.find('S') == std::string::npos &&
           read_some()) {
    }
    std::thread killer([&] {
      std::this_thread::sleep_for(life);
      ::kill(child, SIGKILL);
    });
    while (read_some()) {
    }
    killer.join();
    ::close(pipe_ends[0]);
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << status;
    return reported;
  }

  // Everything that was reported is there, and nothing was given twice.
  void CheckReports(const std::string& reported) {
    std::istringstream lines(reported);
    char what = 0;
    std::uint64_t request = 0;
    std::uint64_t counter = 0;
    while (lines >> what >> request >> counter) {
      const auto stored = Find(CrashRequest(request));
      ASSERT_TRUE(stored) << request;
      ASSERT_TRUE(stored->counter);
      EXPECT_EQ(stored->counter->value(), counter);
      if (what == 'R') {
        ++reservations_;
        EXPECT_GT(counter, greatest_) << "a counter went back or was given twice";
        greatest_ = counter;
        next_request_ = request + 1;
      } else {
        ++signatures_;
        EXPECT_EQ(stored->state, StoredRequest::State::kSigned);
        EXPECT_EQ(stored->command, CrashCommand(counter));
      }
    }
    EXPECT_GE(FindDevice(kCrashDevice)->last_issued, greatest_);
  }

  const std::unique_ptr<DirectoryObjects> files_ =
      std::make_unique<DirectoryObjects>(root_ / "token");
  std::uint64_t greatest_ = 0;
  std::uint64_t next_request_ = 1;
  std::uint64_t reservations_ = 0;
  std::uint64_t signatures_ = 0;
};

// P1, P4, R-NOW-7.
TEST_F(Crash, LosesNothingThatWasReportedOverThirtyKills) {
  const auto seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::uniform_int_distribution<int> life_us(0, 60'000);
  Create();
  Reopen();
  Import({TestDevice(kCrashDevice)});
  for (int kill = 0; kill < kKills; ++kill) {
    store_.reset();
    // A reservation that was made and not reported keeps its RequestID: skip some. One kill in
    // three falls into the start; one is after a signature, however slow the machine is.
    constexpr LifeFrom kFrom[] = {LifeFrom::kItsStart, LifeFrom::kItsFirstReport,
                                  LifeFrom::kItsFirstSignature};
    const LifeFrom from = kFrom[kill % 3];
    const std::string reported =
        RunChild(next_request_ + 10, from, std::chrono::microseconds(life_us(random)));
    Reopen();
    CheckReports(reported);
    if (HasFatalFailure()) return;
    EXPECT_EQ(*store_->UnansweredCount(), 0u);
    const std::uint64_t next = Spend(CrashRequest(next_request_ + 5));
    EXPECT_GT(next, greatest_);
    greatest_ = std::max(greatest_, next);
    next_request_ += 20;
  }
  EXPECT_GE(reservations_, std::uint64_t{kKills - kKills / 3});
  EXPECT_GT(signatures_, 0u);
  RecordProperty("reservations", std::to_string(reservations_));
}

}  // namespace
}  // namespace acb::store
