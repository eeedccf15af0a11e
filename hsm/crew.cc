#include "hsm/crew.h"

#include <pthread.h>

#include <algorithm>
#include <string>
#include <system_error>

namespace acb::hsm {

using Clock = std::chrono::steady_clock;

struct Crew::Worker {
  std::thread thread;
  bool written_off = false;
  bool ended = false;
};

struct Crew::Job {
  std::function<void()> work;
  enum class Phase { kWaiting, kRuns, kOver, kDropped } phase = Phase::kWaiting;
  Clock::time_point began;
  Worker* worker = nullptr;
  std::condition_variable changed;
};

struct Crew::State {
  State(std::size_t threads_wanted, std::size_t limit)
      : threads(threads_wanted), write_offs(limit) {}
  const std::size_t threads;
  const std::size_t write_offs;

  mutable std::mutex mutex;  // guards what follows, each job's phase and each worker
  std::condition_variable came;
  std::condition_variable ended;
  std::deque<std::shared_ptr<Job>> waiting;
  std::list<std::shared_ptr<Worker>> workers;
  std::size_t serving = 0;  // neither written off nor ended
  std::size_t hanging = 0;
  std::uint64_t timeouts = 0;
  bool closing = false;
  std::shared_ptr<void> left;

  // With the mutex held. What is left to the last thread to end; nothing while others run.
  std::shared_ptr<void> TakeLeft() {
    return closing && serving == 0 && hanging == 0 ? std::move(left) : nullptr;
  }
};

Crew::Crew(std::size_t threads, std::size_t write_offs)
    : state_(std::make_shared<State>(threads, write_offs)) {
  const std::scoped_lock lock(state_->mutex);
  for (std::size_t i = 0; i < threads; ++i) StartWorker(state_);
}

Crew::~Crew() { static_cast<void>(Close(Milliseconds(0))); }

void Crew::StartWorker(const std::shared_ptr<State>& state) {
  auto worker = std::make_shared<Worker>();
  try {
    worker->thread = std::thread([state, worker] { Serve(state, worker); });
  } catch (const std::system_error&) {
    return;  // no thread to be had: one less
  }
  state->workers.push_back(std::move(worker));
  ++state->serving;
}

void Crew::Serve(const std::shared_ptr<State>& state, const std::shared_ptr<Worker>& worker) {
  pthread_setname_np(pthread_self(), "acb-hsm");
  std::unique_lock lock(state->mutex);
  while (true) {
    state->came.wait(lock, [&] { return state->closing || !state->waiting.empty(); });
    if (state->waiting.empty()) break;  // closing
    std::shared_ptr<Job> job = std::move(state->waiting.front());
    state->waiting.pop_front();
    job->phase = Job::Phase::kRuns;
    job->began = Clock::now();
    job->worker = worker.get();
    lock.unlock();
    job->work();
    lock.lock();
    job->phase = Job::Phase::kOver;
    job->changed.notify_one();
    lock.unlock();
    job.reset();  // what nobody waited for is destroyed here
    lock.lock();
    if (!worker->written_off) continue;
    --state->hanging;
    ++state->serving;
    worker->written_off = false;
    if (state->serving > state->threads || state->closing) break;  // it had a successor
  }
  --state->serving;
  worker->ended = true;
  state->ended.notify_all();
  const std::shared_ptr<void> left = state->TakeLeft();
  lock.unlock();  // what is left is destroyed here, and may close this crew
}

void Crew::WriteOff(const std::shared_ptr<State>& state, Job& job) {
  ++state->timeouts;
  job.worker->written_off = true;
  --state->serving;
  ++state->hanging;
  // Those that came back and ended since: their threads are over but for their last step.
  std::erase_if(state->workers, [](const std::shared_ptr<Worker>& worker) {
    if (!worker->ended) return false;
    worker->thread.join();
    return true;
  });
  if (state->hanging <= state->write_offs && !state->closing) StartWorker(state);
}

Crew::End Crew::Run(std::function<void()> work, Milliseconds deadline) {
  auto job = std::make_shared<Job>();
  job->work = std::move(work);
  std::unique_lock lock(state_->mutex);
  if (state_->closing) return End::kClosing;
  if (state_->waiting.size() >= kMaxWaiting) return End::kBusy;
  state_->waiting.push_back(job);
  state_->came.notify_one();

  using Phase = Job::Phase;
  const auto settled = [&] { return job->phase == Phase::kOver || job->phase == Phase::kDropped; };
  // Not woken when it begins, which would cost each handover a switch of threads.
  job->changed.wait_until(lock, Clock::now() + deadline, settled);
  if (job->phase == Phase::kRuns) job->changed.wait_until(lock, job->began + deadline, settled);
  switch (job->phase) {
    case Phase::kOver:
      return End::kDone;
    case Phase::kDropped:
      return state_->closing ? End::kClosing : End::kBusy;
    case Phase::kWaiting:
      std::erase(state_->waiting, job);
      return End::kBusy;
    case Phase::kRuns:
      break;
  }
  WriteOff(state_, *job);
  return End::kHangs;
}

Failure Crew::WhyNot(End end, Milliseconds deadline) {
  const std::string after = " after " + std::to_string(deadline.count()) + " ms";
  switch (end) {
    case End::kHangs:
      return {Reason::kHsmUnavailable, {}, "a call hangs in the HSM's module" + after};
    case End::kBusy:
      return {Reason::kHsmUnavailable, {}, "busy: every thread for the HSM is in use" + after};
    case End::kClosing:
    case End::kDone:
      break;
  }
  return {Reason::kHsmUnavailable, {}, "the HSM is being closed"};
}

void Crew::GiveUpWaiting() {
  const std::scoped_lock lock(state_->mutex);
  for (const std::shared_ptr<Job>& job : state_->waiting) {
    job->phase = Job::Phase::kDropped;
    job->changed.notify_one();
  }
  state_->waiting.clear();
}

bool Crew::Close(Milliseconds patience) {
  {
    const std::scoped_lock lock(state_->mutex);
    state_->closing = true;
  }
  GiveUpWaiting();
  std::list<std::shared_ptr<Worker>> workers;
  bool all = false;
  {
    std::unique_lock lock(state_->mutex);
    state_->came.notify_all();
    const auto over = [this] {
      return std::ranges::all_of(state_->workers, [](const auto& worker) { return worker->ended; });
    };
    all = state_->ended.wait_for(lock, patience, over);
    workers.swap(state_->workers);
    for (const auto& worker : workers) {
      // One that hangs cannot be waited for: it ends with the process.
      if (!worker->ended) worker->thread.detach();
    }
  }
  for (const auto& worker : workers) {
    if (worker->thread.joinable()) worker->thread.join();
  }
  return all;
}

void Crew::LeaveTo(std::shared_ptr<void> what) {
  std::unique_lock lock(state_->mutex);
  state_->left = std::move(what);
  const std::shared_ptr<void> nobody = state_->TakeLeft();
  lock.unlock();
}

Crew::Counts Crew::counts() const {
  const std::scoped_lock lock(state_->mutex);
  return {.hanging = state_->hanging,
          .timeouts = state_->timeouts,
          .may_write_off = state_->hanging < state_->write_offs};
}

}  // namespace acb::hsm
