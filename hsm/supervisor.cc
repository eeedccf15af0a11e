#include "hsm/supervisor.h"

#include <algorithm>

namespace acb::hsm {
namespace {

// Every thread that is written off keeps its session.
constexpr std::size_t WriteOffsFor(std::size_t threads) { return kMaxSessions - threads; }

}  // namespace

Supervisor::Supervisor(Settings settings)
    : settings_(std::move(settings)),
      breaker_([this](bool open, const std::string& why) { Changed(open, why); }),
      keys_crew_(settings_.threads, WriteOffsFor(settings_.threads)),
      // A creation that is late must not meet one that was made after it: one thread, in order.
      anchors_crew_(1, 0),
      // The lister takes one request at a time.
      listings_crew_(1, 0) {}

Supervisor::~Supervisor() { static_cast<void>(Close()); }

void Supervisor::Start(Probe keys, Probe anchors) {
  keys_ = std::move(keys);
  anchors_ = std::move(anchors);
  prober_ = std::thread([this] { ProbeWhileOpen(); });
}

bool Supervisor::Close() {
  {
    const std::scoped_lock lock(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
  if (prober_.joinable()) prober_.join();  // one that asks gets its answer within the deadlines
  const bool keys_over = keys_crew_.Close(settings_.deadline);
  const bool anchors_over = anchors_crew_.Close(settings_.deadline);
  return listings_crew_.Close(settings_.deadline) && anchors_over && keys_over;
}

Crew::Counts Supervisor::counts() const {
  Crew::Counts counts = keys_crew_.counts();
  for (const Crew* crew : {&anchors_crew_, &listings_crew_}) {
    const Crew::Counts more = crew->counts();
    counts.hanging += more.hanging;
    counts.timeouts += more.timeouts;
  }
  return counts;
}

std::uint64_t Supervisor::probes() const {
  const std::scoped_lock lock(mutex_);
  return probes_;
}

void Supervisor::OpenFor(const std::string& hanging) {
  breaker_.Open(hanging);
  // They would only hang too, one deadline later.
  keys_crew_.GiveUpWaiting();
  anchors_crew_.GiveUpWaiting();
  listings_crew_.GiveUpWaiting();
}

void Supervisor::NoteCreated(const Status& created) {
  if (created) {
    not_created_ = 0;
    return;
  }
  if (breaker_.open() || ++not_created_ < kErrorsToOpen) return;
  not_created_ = 0;
  anew_wanted_ = true;
  breaker_.Open("no anchor can be created: " + created.error().detail);
}

void Supervisor::Changed(bool open, const std::string& why) {
  const std::scoped_lock lock(mutex_);
  changed_.notify_all();
  if (!closing_ && settings_.on_change) settings_.on_change(open, why);
}

void Supervisor::LeaveTo(const std::shared_ptr<void>& what) {
  keys_crew_.LeaveTo(what);
  anchors_crew_.LeaveTo(what);
  listings_crew_.LeaveTo(what);
}

bool Supervisor::Pause(std::chrono::milliseconds pause) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, pause, [this] { return closing_; });
}

void Supervisor::ProbeWhileOpen() {
  while (true) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return closing_ || breaker_.open(); });
      if (closing_) return;
    }
    auto pause = kFirstProbe;
    for (unsigned failures = 0; breaker_.open(); ++failures) {
      if (!Pause(pause)) return;
      bool hangs = false;
      if (ProbeOnce(failures, hangs)) {
        breaker_.Close();
        break;
      }
      pause = std::min(2 * pause, hangs ? kLastProbeOfHang : kLastProbe);
    }
  }
}

// Not through AskOf: the breaker is open.
Status Supervisor::ProbeOnce(unsigned failures, bool& hangs) {
  // No more threads are spent on a module that answers none of its calls.
  hangs = true;
  if (!keys_crew_.counts().may_write_off) {
    return Failure{Reason::kHsmUnavailable, {}, "too many calls hang in the HSM's module"};
  }
  {
    const std::scoped_lock lock(mutex_);
    ++probes_;
  }
  auto sound = keys_crew_.Ask<Done>([this, failures] { return keys_(failures); },
                                    settings_.deadline, &hangs);
  if (!sound || anchors_ == nullptr) return sound;
  sound = anchors_crew_.Ask<Done>([this, failures] { return anchors_(failures); },
                                  settings_.deadline, &hangs);
  if (!sound) return sound;
  // A listing anew that was given up is over: nothing is made before its thread is free again.
  return listings_crew_.Ask<Done>([]() -> Status { return Done{}; }, settings_.deadline, &hangs);
}

}  // namespace acb::hsm
