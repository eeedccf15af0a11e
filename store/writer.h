// The one thread that writes: group commit (design.md section 6). Private to store/.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "firmware/base/result.h"
#include "store/anchor_keeper.h"
#include "store/transactions.h"

namespace acb::store {

// Jobs that wait. New work is refused first, so that what was begun can be brought to its end.
inline constexpr std::size_t kMaxQueuedNewWork = 1024;
inline constexpr std::size_t kMaxQueued = 2 * kMaxQueuedNewWork;
// Jobs of one transaction.
inline constexpr std::size_t kMaxBatch = 256;

// Thread-safe.
class Writer {
 public:
  // A job first checks everything, and returns its refusal before it has written anything. Then it
  // writes; when a write fails it returns that failure.
  using Work = std::function<Status(WriteTransaction&)>;

  enum class Lane {
    kNewWork,  // a reservation: refused with kBusy while much is queued
    kFinish,   // ends what a reservation began, or records a refusal
    kAlone,    // long: a transaction of its own, dropped when the job fails after it has written
  };

  struct Counts {
    std::uint64_t jobs = 0;
    std::uint64_t batches = 0;
    std::uint64_t commits = 0;
    std::uint64_t dropped = 0;
    std::uint64_t queued = 0;
  };

  Writer(std::shared_ptr<const LmdbEnvironment> environment, std::unique_ptr<AnchorKeeper> anchors);
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // Blocks until the job's batch is released. The job's own outcome, or why its batch was not
  // written: kStoreUnavailable, kStoreInDoubt. kBusy when the job was not taken.
  Status Run(Lane lane, const Work& work);

  bool in_doubt() const { return in_doubt_; }
  // What every call gets from then on.
  Status CheckNoDoubt() const;
  Counts counts() const;

 private:
  struct Job {
    const Work& work;
    Lane lane;
    Status outcome = Done{};
    bool released = false;
    std::condition_variable release;
  };
  using Batch = std::vector<Job*>;

  void Serve();
  Batch Drain();  // with the mutex held
  void RunBatch(const Batch& batch);
  Status DoJobs(const Batch& batch, WriteTransaction& transaction);

  // The four steps of design.md section 4, "The writer".
  Status CommitAndFlush(const Batch& batch);
  Status AnchorIfDue();
  Status LookForSuccessor();
  void Release(const Batch& batch, const Status& written);

  const std::shared_ptr<const LmdbEnvironment> environment_;
  const std::unique_ptr<AnchorKeeper> anchors_;
  std::atomic<bool> in_doubt_ = false;

  mutable std::mutex mutex_;  // guards what follows, and `outcome` and `released` of each job
  std::condition_variable work_came_;
  std::deque<Job*> queue_;
  bool stopping_ = false;
  Counts counts_;

  std::thread thread_;  // last: it uses everything above
};

}  // namespace acb::store
