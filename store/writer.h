// The one thread that writes: group commit (design.md section 6); and beside it the one that makes
// the anchors' objects, which takes the HSM tens of milliseconds. Private to store/.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "firmware/base/latency.h"
#include "firmware/base/result.h"
#include "store/anchor_keeper.h"
#include "store/transactions.h"

namespace acb::store {

// Jobs that wait. New work is refused first, so that what was begun can be brought to its end.
inline constexpr std::size_t kMaxQueuedNewWork = 1024;
inline constexpr std::size_t kMaxQueued = 2 * kMaxQueuedNewWork;
// Giving up a reservation is never refused for what else is queued: its device would be busy until
// a restart. There is at most one for each request in work.
inline constexpr std::size_t kMaxQueuedGivingUp = 100'000;
// Jobs of one transaction.
inline constexpr std::size_t kMaxBatch = 256;
// An overtaken box notices within this time, also without traffic.
inline constexpr std::chrono::milliseconds kLookInterval{1000};

// Thread-safe.
class Writer {
 public:
  // A job first checks everything, and returns its refusal before it has written anything. Then it
  // writes; when a write fails it returns that failure.
  using Work = std::function<Status(WriteTransaction&)>;
  // What runs on the writer's thread with no batch and no anchor in the making beside it, and
  // writes with WriteNow.
  using Act = std::function<Status()>;

  enum class Lane {
    kNewWork,  // a reservation: refused with kBusy while much is queued
    kFinish,   // ends what a reservation began, or records a refusal
    kGiveUp,   // ends a reservation without an answer: has room of its own in the queue
    kAlone,    // long: a transaction of its own, dropped when the job fails after it has written
  };

  // What is taken. It only goes on: kOffline, kServing, kClosed.
  enum class Gate {
    kOffline,  // acts: the store is not started
    kServing,  // jobs, and the act that stops the store
    kClosed,   // nothing any more
  };

  struct Counts {
    std::uint64_t jobs = 0;
    std::uint64_t batches = 0;
    std::uint64_t commits = 0;
    std::uint64_t dropped = 0;
    std::uint64_t alarms = 0;  // entries of that kind
    std::uint64_t queued = 0;
    // Rounds of the writer's thread: goes up at least once every look_interval while it serves, but
    // in a long job, which may take minutes.
    std::uint64_t rounds = 0;
    bool in_long_job = false;
    LatencyHistogram::Counts flushes{};
  };

  // `anchors` is used by the writer's two threads.
  Writer(std::shared_ptr<const LmdbEnvironment> environment, std::unique_ptr<AnchorKeeper> anchors,
         std::chrono::milliseconds look_interval = kLookInterval);
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // Blocks until the job's batch is released. The job's own outcome; or why its batch was not
  // written: kStoreUnavailable, kStoreInDoubt, kOvertaken; or kHsmUnavailable, and then `*flushed`
  // says whether what it wrote is on the disk. kBusy when the job was not taken.
  Status Run(Lane lane, const Work& work, bool* flushed = nullptr);

  // Blocks until the act is done: its own outcome. kStoreUnavailable when the gate is not `at`. The
  // gate is `then` when the act has succeeded; kClosed at once, whatever becomes of the act.
  Status RunAct(Gate at, Gate then, const Act& act);
  // For an act: one transaction, committed and flushed when `work` succeeds, else dropped.
  Status WriteNow(const Work& work);

  // Nothing, or what every call gets from then on: kStoreInDoubt, kOvertaken.
  std::optional<Failure> ended() const;
  Status CheckNotEnded() const;
  Gate gate() const;
  Counts counts() const;

 private:
  struct Job {
    const Work* work = nullptr;  // this or the next
    const Act* act = nullptr;
    Lane lane = Lane::kAlone;
    Gate then = Gate::kServing;  // of an act
    Status outcome = Done{};
    std::uint64_t moved = 0;
    bool anchor_demanded = false;
    std::uint64_t awaits = 0;  // the number of the anchor that covers it, when it waits for one
    bool flushed = false;
    bool released = false;
    std::condition_variable release;
  };
  using Batch = std::vector<Job*>;

  // Where the anchor stands that was numbered last.
  enum class Making { kNone, kObject, kDestroying };

  static std::size_t LimitOf(Lane lane);
  Status CheckGate(Gate at) const;  // with the mutex held
  Status Queue(Job& job, std::unique_lock<std::mutex>& lock);
  void Serve();
  void WaitForWork(std::unique_lock<std::mutex>& lock);
  Batch Drain();  // with the mutex held
  void RunActAlone(Job& job);
  void RunBatch(const Batch& batch);
  Status DoJobs(const Batch& batch, WriteTransaction& transaction);
  void End(const Failure& why);
  Status CheckOwnFile();

  // The four steps of design.md section 4, "The writer".
  Status CommitAndFlush(const Batch& batch);
  Status AnchorIfDue();
  Status LookForSuccessor();
  void Release(const Batch& batch, std::uint64_t covering, const Status& written,
               const Status& anchored);

  // Steps 2 to 4 of those who wait for an anchor.
  void MakeAnchors();
  // With the mutex held:
  void EndAnchor(const Status& made);
  void LetGo(Job& job);
  void GiveUpWaiting(const Status& why);
  bool IsSettled() const;
  void Settle(std::unique_lock<std::mutex>& lock);

  const std::shared_ptr<const LmdbEnvironment> environment_;
  const std::unique_ptr<AnchorKeeper> anchors_;
  const std::chrono::milliseconds look_interval_;
  std::uint64_t last_commit_;  // of this process, or what it found; the writer's thread alone
  std::atomic<bool> has_ended_ = false;  // ended_ has a value

  mutable std::mutex mutex_;  // guards what follows, and `outcome` and `released` of each job
  std::condition_variable work_came_;
  std::deque<Job*> queue_;
  Batch awaiting_;  // flushed: an anchor has to pass before they are released
  Making making_ = Making::kNone;
  std::uint64_t numbered_ = 0;  // anchors whose entry was appended; written by the writer's thread
  std::uint64_t last_ended_ = 0;
  Status last_made_ = Done{};  // of that
  bool no_more_anchors_ = false;
  std::condition_variable anchor_due_;
  std::condition_variable anchor_ended_;
  Gate gate_ = Gate::kOffline;
  bool stopping_ = false;
  std::optional<Failure> ended_;
  Counts counts_;
  LatencyHistogram flushes_;

  // Last: they use everything above.
  std::thread maker_;
  std::thread thread_;
};

}  // namespace acb::store
