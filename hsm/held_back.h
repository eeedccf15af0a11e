// Signals that wait until a module's files are whole again.
#pragma once

#include <signal.h>

#include <initializer_list>

namespace acb::hsm {

// SoftHSM empties and writes anew its token.object in each C_Login and C_InitToken: who ends
// half-way through leaves a token that nobody sees any more. Not SIGQUIT: the way out of a call
// that hangs.
inline constexpr std::initializer_list<int> kSignalsThatEnd = {SIGINT, SIGTERM, SIGHUP, SIGALRM,
                                                               SIGPIPE};

// What comes to this thread while this lives takes effect afterwards; so does what comes to a
// process without other threads.
class HeldBack {
 public:
  HeldBack() {
    sigset_t these;
    sigemptyset(&these);
    for (const int number : kSignalsThatEnd) sigaddset(&these, number);
    pthread_sigmask(SIG_BLOCK, &these, &before_);
  }
  ~HeldBack() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  HeldBack(const HeldBack&) = delete;
  HeldBack& operator=(const HeldBack&) = delete;

 private:
  sigset_t before_;
};

}  // namespace acb::hsm
