// When listings that all succeed are too slow to go on with.
#pragma once

#include <algorithm>
#include <chrono>
#include <mutex>

namespace acb::hsm {

// A deadline for each listing does not bound a handover, which waits for several: its own group's
// and those of the groups before it. So slowness that lasts as long as one listing may take counts
// as much as one that hangs. (A signature is waited for once.)
//
// Thread-safe; blocks only for its own lock.
class Slowness {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Milliseconds = std::chrono::milliseconds;

  // One is slow from a quarter of its deadline on: healthy ones take a hundredth. Below a
  // tenth of a second none is: that is what a busy machine makes of them.
  explicit Slowness(Milliseconds deadline)
      : slow_(std::max(deadline / 4, Milliseconds(100))), lasting_(deadline) {}

  // Of each that is over. True when at least two have been slow, none between them was
  // not, and from the begin of the first to this end it took a whole deadline: then all begins
  // anew. Slow ones that are more than a deadline apart say nothing of each other.
  bool Note(Time began, Time ended);

 private:
  const Milliseconds slow_;
  const Milliseconds lasting_;
  std::mutex mutex_;  // guards what follows
  bool lasts_ = false;
  Time since_;
  Time last_end_;
};

}  // namespace acb::hsm
