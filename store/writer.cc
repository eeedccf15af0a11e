#include "store/writer.h"

#include <utility>

namespace acb::store {

Writer::Writer(std::shared_ptr<const LmdbEnvironment> environment,
               std::unique_ptr<AnchorKeeper> anchors)
    : environment_(std::move(environment)),
      anchors_(std::move(anchors)),
      thread_([this] { Serve(); }) {}

Writer::~Writer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_came_.notify_all();
  thread_.join();
}

Status Writer::CheckNoDoubt() const {
  if (!in_doubt_) return Done{};
  return Failure(
      Reason::kStoreInDoubt, {},
      "an earlier batch failed at its commit, anchor or look: restart to read the truth");
}

Writer::Counts Writer::counts() const {
  const std::lock_guard lock(mutex_);
  Counts counts = counts_;
  counts.queued = queue_.size();
  return counts;
}

Status Writer::Run(Lane lane, const Work& work) {
  if (auto sound = CheckNoDoubt(); !sound) return sound;
  Job job{work, lane};
  std::unique_lock lock(mutex_);
  const std::size_t limit = lane == Lane::kNewWork ? kMaxQueuedNewWork : kMaxQueued;
  if (stopping_ || queue_.size() >= limit) {
    return Failure(Reason::kBusy, {}, "the writer's queue holds " + std::to_string(queue_.size()));
  }
  queue_.push_back(&job);
  work_came_.notify_one();
  job.release.wait(lock, [&] { return job.released; });
  return std::move(job.outcome);
}

void Writer::Serve() {
  std::unique_lock lock(mutex_);
  while (true) {
    work_came_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;  // stopping, and nobody waits any more
    const Batch batch = Drain();
    lock.unlock();
    RunBatch(batch);
    lock.lock();
  }
}

// What is queued, in order, up to the limit; a job that wants to be alone is.
Writer::Batch Writer::Drain() {
  Batch batch;
  while (!queue_.empty() && batch.size() < kMaxBatch) {
    const bool alone = queue_.front()->lane == Lane::kAlone;
    if (alone && !batch.empty()) break;
    batch.push_back(queue_.front());
    queue_.pop_front();
    if (alone) break;
  }
  ++counts_.batches;
  counts_.jobs += batch.size();
  return batch;
}

// design.md section 4, "The writer": for every batch, in this order.
void Writer::RunBatch(const Batch& batch) {
  Status written = CommitAndFlush(batch);
  // If power fails from here on: every write of the batch is on the disk, and no caller knows. A
  // reservation among them is found unanswered at the next start and becomes an `abandoned` entry.
  if (written) written = AnchorIfDue();
  // If power fails now: the anchor names a state that the store contains; the store is ahead of it.
  if (written) written = LookForSuccessor();
  // If power fails now: as before. Looking changes nothing.
  Release(batch, written);
  // From here on callers act on what was written: the HSM signs, answers leave.
}

Status Writer::DoJobs(const Batch& batch, WriteTransaction& transaction) {
  for (Job* job : batch) {
    const std::uint64_t writes = transaction.writes();
    job->outcome = job->work(transaction);
    if (transaction.broken()) return job->outcome;
    if (job->outcome) continue;
    if (job->lane == Lane::kAlone)
      return job->outcome;  // its own failure; what it wrote is dropped
    if (transaction.writes() != writes) {
      // A bug in the job. What it half wrote must not be kept.
      return Failure(Reason::kStoreUnavailable, {}, "a job failed after it had written");
    }
  }
  return Done{};
}

// Step 1. A batch that only refuses writes nothing and flushes nothing.
Status Writer::CommitAndFlush(const Batch& batch) {
  if (auto sound = CheckNoDoubt(); !sound) return sound;
  auto transaction = WriteTransaction::Begin(environment_);
  if (!transaction) return std::move(transaction).error();
  if (auto done = DoJobs(batch, *transaction); !done) {
    const std::lock_guard lock(mutex_);
    ++counts_.dropped;
    return done;  // the transaction is dropped: nothing was written
  }
  if (transaction->writes() == 0) return Done{};
  if (auto committed = std::move(*transaction).Commit(); !committed) {
    // Not tried again: after a failed flush the kernel may have dropped the pages and would report
    // success (reliability.md section 1).
    in_doubt_ = true;
    return committed;
  }
  const std::lock_guard lock(mutex_);
  ++counts_.commits;
  return Done{};
}

// Step 2.
Status Writer::AnchorIfDue() {
  auto anchored = anchors_->AnchorIfDue();
  if (anchored) return anchored;
  in_doubt_ = true;
  return Failure(Reason::kStoreInDoubt, {}, "anchor: " + anchored.error().detail);
}

// Step 3.
Status Writer::LookForSuccessor() {
  auto alone = anchors_->LookForSuccessor();
  if (alone) return alone;
  in_doubt_ = true;
  return Failure(Reason::kStoreInDoubt, {}, "look for a successor: " + alone.error().detail);
}

// Step 4. A refusal was judged on the writes of the batch: it too counts only when they were kept.
void Writer::Release(const Batch& batch, const Status& written) {
  const std::lock_guard lock(mutex_);
  for (Job* job : batch) {
    if (!written) job->outcome = written;
    job->released = true;
    job->release.notify_one();  // under the lock: the job ends with its caller's stack frame
  }
}

}  // namespace acb::store
