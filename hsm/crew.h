// Threads that call the module, so that nobody else hangs with it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "firmware/base/result.h"

namespace acb::hsm {

// A PKCS#11 call cannot be interrupted, so it is made by a thread of a crew, and whoever wants its
// result waits with a deadline. A thread whose job was given up is written off: another takes its
// place, up to a limit, so that one call that never returns costs one thread and not the service.
// When its call does return, what it made is destroyed, and the thread ends, or goes on when it had
// no successor. What a job uses has to live as long as the job: until Close has said that all is
// over.
//
// Thread-safe. The jobs of a crew of one thread run one after the other, in order, unless one was
// written off.
class Crew {
 public:
  using Milliseconds = std::chrono::milliseconds;

  // Jobs that wait for a thread: more than the connections that can ask for one.
  static constexpr std::size_t kMaxWaiting = 4096;

  enum class End {
    kDone,
    kBusy,     // not begun: no thread was free in time, or the queue was given up
    kHangs,    // begun, and not over in time
    kClosing,  // not begun
  };

  // `write_offs`: threads beyond `threads` that replace those which hang; 0 for none.
  Crew(std::size_t threads, std::size_t write_offs);
  // Close should come first; threads that hang are then left alone.
  ~Crew();
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  // Runs `job` on one of the threads. Blocks up to `deadline` for a thread and again as long for
  // the job. Only with kDone has what the job did to be looked at.
  End Run(std::function<void()> job, Milliseconds deadline);
  // The same for a job with a result. kHsmUnavailable when it came to none; `*hangs`, which may be
  // null, says whether it is still being made.
  template <class T>
  Result<T> Ask(std::function<Result<T>()> job, Milliseconds deadline, bool* hangs = nullptr) {
    auto outcome = std::make_shared<std::optional<Result<T>>>();
    const End end = Run([job = std::move(job), outcome] { outcome->emplace(job()); }, deadline);
    if (hangs != nullptr) *hangs = end == End::kHangs;
    if (end != End::kDone) return WhyNot(end, deadline);
    return std::move(**outcome);
  }

  // Whoever waits for a thread gets kBusy now.
  void GiveUpWaiting();

  // No job is begun any more. Blocks up to `patience` for those that run: false when one still
  // hangs, and then everything it uses has to stay until it is over (LeaveTo).
  bool Close(Milliseconds patience);

  // After a Close that gave false: `what` lives until the last job is over, and no longer.
  void LeaveTo(std::shared_ptr<void> what);

  struct Counts {
    std::size_t hanging = 0;     // written off, and not back yet
    std::uint64_t timeouts = 0;  // since the start
    bool may_write_off = true;   // less hang than the limit
  };
  Counts counts() const;

 private:
  struct Job;
  struct Worker;
  struct State;  // shared with the threads, which may outlive the crew

  static Failure WhyNot(End end, Milliseconds deadline);
  static void Serve(const std::shared_ptr<State>& state, const std::shared_ptr<Worker>& worker);
  static void StartWorker(const std::shared_ptr<State>& state);  // with the mutex held
  static void WriteOff(const std::shared_ptr<State>& state, Job& job);

  const std::shared_ptr<State> state_;
};

}  // namespace acb::hsm
