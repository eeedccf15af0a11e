#include "hsm/child_process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace acb::hsm {
namespace {

constexpr int kFromParent = STDERR_FILENO + 1;
constexpr int kToParent = STDERR_FILENO + 2;
constexpr int kFirstOther = kToParent + 1;

// A handler of the parent's would run in a copy of it that is not the parent.
void ResetSignals() {
  for (int number = 1; number < NSIG; ++number) signal(number, SIG_DFL);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGTSTP, SIGPIPE}) {
    signal(number, SIG_IGN);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Out of the way of the numbers that are given out below.
Descriptor Aside(const Descriptor& descriptor) {
  return Descriptor(fcntl(descriptor.get(), F_DUPFD_CLOEXEC, kFirstOther));
}

}  // namespace

bool BecomeChild(const char* name, ChildPipes& pipes) {
  prctl(PR_SET_NAME, name);
  ResetSignals();
  const Descriptor nothing = Aside(Descriptor(open("/dev/null", O_RDWR | O_CLOEXEC)));
  pipes.from_parent = Aside(pipes.from_parent);
  pipes.to_parent = Aside(pipes.to_parent);
  if (dup2(nothing.get(), STDIN_FILENO) < 0 || dup2(nothing.get(), STDOUT_FILENO) < 0 ||
      dup3(pipes.from_parent.get(), kFromParent, O_CLOEXEC) < 0 ||
      dup3(pipes.to_parent.get(), kToParent, O_CLOEXEC) < 0) {
    return false;
  }
  pipes.from_parent = Descriptor(kFromParent);
  pipes.to_parent = Descriptor(kToParent);
  return close_range(kFirstOther, ~0U, 0) == 0;
}

}  // namespace acb::hsm
