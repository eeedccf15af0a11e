#include "store/writer.h"

#include <sys/prctl.h>

#include <string>
#include <utility>

namespace acb::store {
namespace {

Failure InDoubt() {
  return {Reason::kStoreInDoubt, {}, "an earlier commit failed: restart to read the truth"};
}

}  // namespace

Writer::Writer(std::shared_ptr<const LmdbEnvironment> environment,
               std::unique_ptr<AnchorKeeper> anchors, std::chrono::milliseconds look_interval)
    : environment_(std::move(environment)),
      anchors_(std::move(anchors)),
      look_interval_(look_interval),
      last_commit_(environment_->last_commit()),
      maker_([this] { MakeAnchors(); }),
      thread_([this] { Serve(); }) {}

Writer::~Writer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_came_.notify_all();
  thread_.join();
  {
    const std::lock_guard lock(mutex_);
    no_more_anchors_ = true;
  }
  anchor_due_.notify_all();
  maker_.join();
}

std::optional<Failure> Writer::ended() const {
  if (!has_ended_) return {};
  const std::lock_guard lock(mutex_);
  return ended_;
}

Status Writer::CheckNotEnded() const {
  if (auto why = ended()) return *std::move(why);
  return Done{};
}

Writer::Gate Writer::gate() const {
  const std::lock_guard lock(mutex_);
  return gate_;
}

Writer::Counts Writer::counts() const {
  const std::lock_guard lock(mutex_);
  Counts counts = counts_;
  counts.queued = queue_.size();
  counts.flushes = flushes_.counts();
  return counts;
}

void Writer::End(const Failure& why) {
  const std::lock_guard lock(mutex_);
  if (!ended_) ended_ = why.reason == Reason::kStoreInDoubt ? InDoubt() : why;
  has_ended_ = true;
}

Status Writer::CheckGate(Gate at) const {
  if (ended_) return *ended_;
  if (gate_ == at) return Done{};
  switch (gate_) {
    case Gate::kOffline:
      return Failure(Reason::kStoreUnavailable, "the store is not started");
    case Gate::kServing:
      return Failure(Reason::kStoreUnavailable, "the store is started already");
    case Gate::kClosed:
      break;
  }
  return Failure(Reason::kStoreUnavailable, "the store is stopped");
}

std::size_t Writer::LimitOf(Lane lane) {
  switch (lane) {
    case Lane::kNewWork:
      return kMaxQueuedNewWork;
    case Lane::kFinish:
    case Lane::kAlone:
      return kMaxQueued;
    case Lane::kGiveUp:
      break;
  }
  return kMaxQueuedGivingUp;
}

Status Writer::Queue(Job& job, std::unique_lock<std::mutex>& lock) {
  if (stopping_ || queue_.size() >= LimitOf(job.lane)) {
    return Failure(Reason::kBusy, {}, "the writer's queue holds " + std::to_string(queue_.size()));
  }
  queue_.push_back(&job);
  work_came_.notify_one();
  job.release.wait(lock, [&] { return job.released; });
  return std::move(job.outcome);
}

Status Writer::Run(Lane lane, const Work& work, bool* flushed) {
  Job job;
  job.work = &work;
  job.lane = lane;
  std::unique_lock lock(mutex_);
  if (auto open = CheckGate(Gate::kServing); !open) return open;
  Status outcome = Queue(job, lock);
  if (flushed != nullptr) *flushed = job.flushed;
  return outcome;
}

Status Writer::RunAct(Gate at, Gate then, const Act& act) {
  Job job;
  job.act = &act;
  job.then = then;
  std::unique_lock lock(mutex_);
  if (auto open = CheckGate(at); !open) return open;
  // Clean stop: no more work is taken from now on; what is queued is done first.
  if (then == Gate::kClosed) gate_ = then;
  return Queue(job, lock);
}

void Writer::Serve() {
  ::prctl(PR_SET_NAME, "acb-writer");
  std::unique_lock lock(mutex_);
  while (true) {
    ++counts_.rounds;
    counts_.in_long_job = false;
    WaitForWork(lock);
    if (stopping_ && queue_.empty() && IsSettled()) return;  // nobody waits any more
    const Batch batch = Drain();  // empty: nobody came, and it is time for a look, or for an anchor
    const bool act = !batch.empty() && batch.front()->act != nullptr;
    counts_.in_long_job = act || (!batch.empty() && batch.front()->lane == Lane::kAlone);
    if (act) Settle(lock);
    lock.unlock();
    if (act) {
      RunActAlone(*batch.front());
    } else {
      RunBatch(batch);
    }
    lock.lock();
  }
}

// Until there is work, or until a look at the anchors is due.
void Writer::WaitForWork(std::unique_lock<std::mutex>& lock) {
  const auto wanted = [this] {
    return !queue_.empty() || (making_ == Making::kNone && (!awaiting_.empty() || stopping_));
  };
  if (gate_ == Gate::kServing && !ended_) {
    work_came_.wait_for(lock, look_interval_, wanted);
  } else {
    work_came_.wait(lock, wanted);
  }
}

bool Writer::IsSettled() const { return making_ == Making::kNone && awaiting_.empty(); }

// Ends: each round makes an anchor for all who wait, or gives them up.
void Writer::Settle(std::unique_lock<std::mutex>& lock) {
  while (!IsSettled()) {
    if (making_ == Making::kNone) {
      lock.unlock();
      RunBatch({});
      lock.lock();
    }
    anchor_ended_.wait(lock, [this] { return making_ == Making::kNone; });
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
  if (batch.empty()) return batch;
  ++counts_.batches;
  counts_.jobs += batch.size();
  return batch;
}

void Writer::RunActAlone(Job& job) {
  Status sound = CheckNotEnded();
  Status outcome = sound ? (*job.act)() : sound;
  if (!outcome && outcome.error().reason == Reason::kStoreInDoubt) End(outcome.error());
  const std::lock_guard lock(mutex_);
  if (outcome) gate_ = job.then;
  job.outcome = std::move(outcome);
  job.released = true;
  job.release.notify_one();
}

Status Writer::WriteNow(const Work& work) {
  if (auto own = CheckOwnFile(); !own) return own;
  auto transaction = WriteTransaction::Begin(environment_);
  if (!transaction) return std::move(transaction).error();
  if (auto done = work(*transaction); !done) return done;  // dropped: nothing was written
  if (transaction->writes() == 0) return Done{};
  const std::uint64_t alarms = transaction->alarms();
  const auto begun = std::chrono::steady_clock::now();
  auto committed = std::move(*transaction).Commit();
  flushes_.Observe(std::chrono::steady_clock::now() - begun);
  // Not tried again: after a failed flush the kernel may have dropped the pages and would report
  // success (reliability.md section 1).
  if (!committed) End(committed.error());
  last_commit_ = environment_->last_commit();
  const std::lock_guard lock(mutex_);
  ++counts_.commits;
  if (committed) counts_.alarms += alarms;
  return committed;
}

// P1: nobody else writes this file, so it is as the last commit left it. One that was put back to
// an earlier state under the running box would give out counters a second time.
Status Writer::CheckOwnFile() {
  Status own = environment_->CheckInPlace();
  if (const std::uint64_t found = environment_->last_commit(); own && found != last_commit_) {
    own =
        Failure(Reason::kStoreRolledBack,
                "the store's data file was overwritten while the box ran: its newest commit is " +
                    std::to_string(found) + ", and this box's was " + std::to_string(last_commit_) +
                    ". Put back the newest state of the store, or acbctl recover");
  }
  if (!own) End(own.error());
  return own;
}

// design.md section 4, "The writer": for every batch, in this order. R-NOW-7, R-128-20.
void Writer::RunBatch(const Batch& batch) {
  Status written = CommitAndFlush(batch);
  // If power fails from here on: every write of the batch is on the disk, and no caller knows. A
  // reservation among them is found unanswered at the next start and becomes an `abandoned` entry.
  const std::uint64_t before = numbered_;
  Status anchored = Done{};
  if (!ended()) anchored = AnchorIfDue();
  // If power fails now: the anchor names a state that the store contains; the store is ahead of it.
  if (!anchored && ended()) written = anchored;
  if (written) written = LookForSuccessor();
  // If power fails now: as before. Looking changes nothing.
  const std::uint64_t covering = numbered_ != before ? numbered_ : numbered_ + 1;
  Release(batch, covering, written, anchored);
  // From here on callers act on what was written: the HSM signs, answers leave.
}

Status Writer::DoJobs(const Batch& batch, WriteTransaction& transaction) {
  for (Job* job : batch) {
    const std::uint64_t writes = transaction.writes();
    const std::uint64_t moved = transaction.moved();
    job->outcome = (*job->work)(transaction);
    if (transaction.broken()) return job->outcome;
    job->moved = transaction.moved() - moved;
    job->anchor_demanded = transaction.TakeAnchorDemand();
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
  if (auto sound = CheckNotEnded(); !sound) return sound;
  if (batch.empty()) return Done{};
  BatchWrites writes;
  auto done = WriteNow([&](WriteTransaction& transaction) -> Status {
    if (auto jobs = DoJobs(batch, transaction); !jobs) return jobs;
    writes.moved = transaction.moved();
    writes.grew = transaction.entries() != 0 || writes.moved != 0;
    return Done{};
  });
  if (!done) {
    if (ended()) return done;
    const std::lock_guard lock(mutex_);
    ++counts_.dropped;
    return done;
  }
  for (Job* job : batch) {
    job->flushed = static_cast<bool>(job->outcome);
    writes.anchor_demanded |= job->outcome && job->anchor_demanded;
  }
  anchors_->Note(writes);
  return done;
}

// Step 2. The store is always ahead of the anchor, never behind. The object is made beside the next
// batches: what they write is not covered by it, and waits for the next when it has to wait.
Status Writer::AnchorIfDue() {
  {
    const std::lock_guard lock(mutex_);
    if (making_ != Making::kNone) return Done{};
    if (awaiting_.empty() && !anchors_->IsDue()) return Done{};
  }
  Status appended = anchors_->CheckReachable();
  if (appended) {
    appended = WriteNow(
        [this](WriteTransaction& transaction) { return anchors_->AppendAnchorEntry(transaction); });
  }
  // If power fails now: an `anchor` entry that no anchor names. The next one names a longer tree.
  const std::lock_guard lock(mutex_);
  if (appended) {
    ++numbered_;
    making_ = Making::kObject;
    anchor_due_.notify_one();
  } else {
    GiveUpWaiting(appended);
  }
  return appended;
}

// Step 3.
Status Writer::LookForSuccessor() {
  if (auto own = CheckOwnFile(); !own) return own;
  auto alone = anchors_->LookForSuccessor();
  if (!alone && alone.error().reason == Reason::kOvertaken) End(alone.error());
  return alone;
}

// Step 4. `covering`: the number of the anchor that covers the batch, which has ended, is in the
// making or is the next.
void Writer::Release(const Batch& batch, std::uint64_t covering, const Status& written,
                     const Status& anchored) {
  const bool may_reserve = anchors_->MayReleaseReservations();
  const std::lock_guard lock(mutex_);
  // The other thread may have seen a successor that this one's look did not show.
  const Status kept = ended_ ? Status(*ended_) : written;
  for (Job* job : batch) {
    if (!kept) {
      // A refusal was judged on the writes of the batch: it too counts only when they were kept.
      job->outcome = kept;
    } else if (job->outcome && (job->anchor_demanded || (job->moved != 0 && !may_reserve))) {
      job->awaits = covering;
      if (!anchored) {
        job->outcome = anchored;
      } else if (covering == last_ended_) {
        if (!last_made_) job->outcome = last_made_;
      } else {
        awaiting_.push_back(job);
        continue;
      }
    }
    LetGo(*job);
  }
  if (ended_) GiveUpWaiting(*ended_);  // no anchor is made any more
}

void Writer::LetGo(Job& job) {
  job.released = true;
  job.release.notify_one();  // under the lock: the job ends with its caller's stack frame
}

void Writer::GiveUpWaiting(const Status& why) {
  for (Job* job : std::exchange(awaiting_, {})) {
    job->outcome = why;
    LetGo(*job);
  }
}

void Writer::MakeAnchors() {
  std::unique_lock lock(mutex_);
  while (true) {
    anchor_due_.wait(lock, [this] { return no_more_anchors_ || making_ == Making::kObject; });
    if (making_ != Making::kObject) return;
    lock.unlock();
    const Status made = anchors_->MakeObject();
    if (!made && made.error().reason == Reason::kOvertaken) End(made.error());
    lock.lock();
    EndAnchor(made);
    lock.unlock();
    anchors_->DestroyLower();
    lock.lock();
    making_ = Making::kNone;
    anchor_ended_.notify_all();
    work_came_.notify_one();
  }
}

// Steps 3 and 4 for those who waited: the object was made, and the listing that followed saw no
// successor. Those that it does not cover go when nothing that came after it keeps them.
void Writer::EndAnchor(const Status& made) {
  making_ = Making::kDestroying;
  last_ended_ = numbered_;
  last_made_ = made;
  if (ended_) return GiveUpWaiting(*ended_);
  const bool may_reserve = made && anchors_->MayReleaseReservations();
  std::erase_if(awaiting_, [&](Job* job) {
    const bool covered = job->awaits <= last_ended_;
    if (!covered && (job->anchor_demanded || !may_reserve)) return false;
    if (covered && !made) job->outcome = made;
    LetGo(*job);
    return true;
  });
}

}  // namespace acb::store
