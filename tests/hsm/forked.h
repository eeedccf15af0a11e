// Work in another process, with a step that it waits at until it is let go.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <chrono>
#include <functional>

#include "hsm/pipe.h"

namespace acb::hsm::testing {

// Forks `work`, which gives the exit status; 0 is good. Killed when the test ends before it.
class Forked {
 public:
  explicit Forked(const std::function<int(Forked&)>& work)
      : to_child_(*MakePipe()), from_child_(*MakePipe()), process_(fork()) {
    if (process_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    _exit(work(*this));
  }
  ~Forked() {
    if (process_ > 0) Kill();
  }
  Forked(const Forked&) = delete;
  Forked& operator=(const Forked&) = delete;

  pid_t process() const { return process_; }
  // In the child: says something and waits for an answer, or only waits.
  bool Say(std::uint8_t word) { return WriteAll(from_child_.write_end, Bytes{word}); }
  bool WaitForGo() { return Get(to_child_.read_end).has_value(); }
  // In the parent.
  bool Go() { return WriteAll(to_child_.write_end, Bytes{1}); }
  std::optional<std::uint8_t> Hear() { return Get(from_child_.read_end); }
  int Wait() {
    int status = -1;
    EXPECT_EQ(waitpid(process_, &status, 0), process_);
    process_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -status;
  }
  void Kill() {
    kill(process_, SIGKILL);
    Wait();
  }

 private:
  static std::optional<std::uint8_t> Get(const Descriptor& from) {
    std::uint8_t word = 0;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    if (ReadUntil(from, {&word, 1}, end).end != ReadEnd::kFull) return std::nullopt;
    return word;
  }

  Pipe to_child_;
  Pipe from_child_;
  pid_t process_;
};

}  // namespace acb::hsm::testing
