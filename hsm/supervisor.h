// Deadlines and the breaker for everything that is asked of the HSM while the service runs.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "firmware/base/result.h"
#include "hsm/breaker.h"
#include "hsm/crew.h"
#include "hsm/session_pool.h"
#include "hsm/slowness.h"

namespace acb::hsm {

// How long a caller waits for what takes a millisecond when all is well. A handover waits at most
// for the writer's listing and for its own signature: together well under the 5 s in which it has
// to be answered although the HSM is lost (design.md section 5, reliability.md F6).
inline constexpr std::chrono::milliseconds kCallDeadline{1500};

// The pause before the first probe of an open breaker; doubled after each one that failed.
inline constexpr std::chrono::milliseconds kFirstProbe{100};
inline constexpr std::chrono::milliseconds kLastProbe{5'000};
// The same when a call hangs: each probe that hangs too costs a thread. Well under the 30 s after
// which the box has to sign again.
inline constexpr std::chrono::milliseconds kLastProbeOfHang{15'000};

// Thread-safe.
//
// Open the breaker: a call that hangs, at once; listings that are slow for as long as one may take
// (Slowness); kErrorsToOpen device errors in a row, or objects in a row that could not be created;
// a PIN that was refused; sessions or logins that stay lost (kSessionErrorsToOpen). Not: a wrong
// request (CKR_ARGUMENTS_BAD and the like), a session or login that was lost once, too few free
// threads. While it is open everybody is refused at once, and a thread of this object probes,
// with pauses that grow. A probe that did all of the work, and listed in half of the deadline,
// closes it.
class Supervisor {
 public:
  struct Settings {
    std::size_t threads = 4;  // for commands and checkpoints; the anchors have two of their own
    std::chrono::milliseconds deadline = kCallDeadline;
    Breaker::OnChange on_change;  // by any thread, one at a time; never once Close was called
  };
  // Does its part of the work once; called by a thread of a crew while the breaker is open, and has
  // the deadline to itself. `failures` is how many times one failed since it opened.
  using Probe = std::function<Status(unsigned failures)>;

  explicit Supervisor(Settings settings);
  // Close first.
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  // Until then nothing is probed. In that order, each when the one before was good. What they use
  // outlives a Close that succeeded.
  void Start(std::vector<Probe> keys, Probe anchors);

  // Blocks up to the deadline for a thread, and up to the deadline for the job. Its own outcome, or
  // kHsmUnavailable: the breaker is open, no thread was free, or the job is not over; then what it
  // comes to is destroyed.
  template <class T>
  Result<T> Ask(std::function<Result<T>()> job) {
    in_service_ = true;
    auto outcome = AskOf(keys_crew_, std::move(job), settings_.deadline);
    // A listing that succeeds says nothing of the keys: it clears no errors of theirs.
    if (outcome) breaker_.NoteGood();
    return outcome;
  }
  // The same on the one thread that the anchors have: each group of writes waits for one.
  template <class T>
  Result<T> AskOfAnchors(std::function<Result<T>()> job) {
    return AskOf(anchors_crew_, Timed(std::move(job)), settings_.deadline);
  }
  // The same for what may have to wait for another process's lock: twice the deadline (more before
  // the first Ask), and slow without the HSM's being so.
  template <class T>
  Result<T> AskOfAnchorsLocked(std::function<Result<T>()> job) {
    return AskOf(anchors_crew_, std::move(job), DeadlineForOthers());
  }
  // The same on one more thread, for listings anew: they wait for another process, and the anchors'
  // thread goes on meanwhile.
  template <class T>
  Result<T> AskOfListings(std::function<Result<T>()> job) {
    return AskOf(listings_crew_, std::move(job), DeadlineForOthers());
  }

  // Of each object that was to be created. After kErrorsToOpen failures in a row the breaker opens,
  // and the first probe is told to initialise the module anew: signing may go well meanwhile.
  void NoteCreated(const Status& created);
  // Whether the module is to be initialised anew; asked once for each time.
  bool TakeAnewWanted() { return anew_wanted_.exchange(false); }

  // Stops probing and takes nothing more. Blocks up to some deadlines. False when a call still
  // hangs: what the jobs use is then to be left as it is.
  bool Close();
  // After a Close that gave false: `what`, which may own this, lives until the last call is over.
  void LeaveTo(const std::shared_ptr<void>& what);

  Breaker& breaker() { return breaker_; }
  const Breaker& breaker() const { return breaker_; }
  // Of all crews.
  Crew::Counts counts() const;
  std::uint64_t probes() const;

 private:
  // Before the first signature is asked for nobody waits for an answer, and what is left of a box
  // that was killed a moment ago may take some seconds to let go of the lock.
  static constexpr int kTimesForOthers = 2;
  static constexpr int kTimesAtStart = 10;
  std::chrono::milliseconds DeadlineForOthers() const {
    return (in_service_ ? kTimesForOthers : kTimesAtStart) * settings_.deadline;
  }

  template <class T>
  Result<T> AskOf(Crew& crew, std::function<Result<T>()> job, std::chrono::milliseconds deadline) {
    if (auto allowed = breaker_.Check(); !allowed) return std::move(allowed).error();
    bool hangs = false;
    auto outcome = crew.Ask(std::move(job), deadline, &hangs);
    // A token locks after a few tries: nobody asks for another one.
    if (hangs || (!outcome && outcome.error().reason == Reason::kHsmPin)) {
      OpenFor(outcome.error().detail);
    }
    return outcome;
  }
  template <class T>
  std::function<Result<T>()> Timed(std::function<Result<T>()> job) {
    return [this, job = std::move(job)] {
      const auto began = std::chrono::steady_clock::now();
      auto outcome = job();
      if (slowness_.Note(began, std::chrono::steady_clock::now())) OpenFor(kTooSlow);
      return outcome;
    };
  }
  static constexpr const char* kTooSlow = "the HSM lists its objects, but too slowly";
  void OpenFor(const std::string& why);
  void Changed(bool open, const std::string& why);
  void ProbeWhileOpen();
  enum class Found { kSound, kSlow, kFailed, kHangs };
  Found ProbeOnce(unsigned failures);
  Found ProbeWith(Crew& crew, std::function<Status()> probe);
  bool Pause(std::chrono::milliseconds pause);  // false: it is closing

  const Settings settings_;
  Breaker breaker_;
  Slowness slowness_;  // of listings
  Crew keys_crew_;
  Crew anchors_crew_;
  Crew listings_crew_;
  std::atomic<std::uint64_t> not_created_{0};  // in a row
  std::atomic<bool> anew_wanted_{false};
  std::atomic<bool> in_service_{false};
  std::vector<Probe> probe_keys_;
  Probe probe_anchors_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool closing_ = false;
  std::uint64_t probes_ = 0;
  std::thread prober_;  // last: it uses everything above
};

}  // namespace acb::hsm
