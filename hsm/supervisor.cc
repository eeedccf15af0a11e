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
      slowness_(settings_.deadline),
      keys_crew_(settings_.threads, WriteOffsFor(settings_.threads)),
      // A creation that is late must not meet one that was made after it: one thread, in order.
      anchors_crew_(1, 0),
      // The lister takes one request at a time.
      listings_crew_(1, 0) {}

Supervisor::~Supervisor() { static_cast<void>(Close()); }

void Supervisor::Start(std::vector<Probe> keys, Probe anchors) {
  probe_keys_ = std::move(keys);
  probe_anchors_ = std::move(anchors);
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

void Supervisor::OpenFor(const std::string& why) {
  breaker_.Open(why);
  // They would only wait too, one deadline longer.
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
    for (unsigned failures = 0; breaker_.open();) {
      if (!Pause(pause)) return;
      const Found found = ProbeOnce(failures);
      if (found == Found::kSound) {
        breaker_.Close();
        break;
      }
      // A module that is only slow gains nothing by being initialised anew.
      if (found != Found::kSlow) ++failures;
      pause = std::min(2 * pause, found == Found::kHangs ? kLastProbeOfHang : kLastProbe);
    }
  }
}

// Not through AskOf: the breaker is open.
Supervisor::Found Supervisor::ProbeOnce(unsigned failures) {
  // No more threads are spent on a module that answers none of its calls.
  if (!keys_crew_.counts().may_write_off) return Found::kHangs;
  {
    const std::scoped_lock lock(mutex_);
    ++probes_;
  }
  for (const Probe& probe : probe_keys_) {
    const Found found = ProbeWith(keys_crew_, [&probe, failures] { return probe(failures); });
    if (found != Found::kSound) return found;
  }
  if (probe_anchors_ == nullptr) return Found::kSound;
  const auto began = std::chrono::steady_clock::now();
  const Found found =
      ProbeWith(anchors_crew_, [this, failures] { return probe_anchors_(failures); });
  if (found != Found::kSound) return found;
  // Not as strict as Slowness: what a probe finds has to end, too.
  if (std::chrono::steady_clock::now() - began > settings_.deadline / 2) return Found::kSlow;
  // A listing anew that was given up is over: nothing is made before its thread is free again.
  return ProbeWith(listings_crew_, []() -> Status { return Done{}; });
}

Supervisor::Found Supervisor::ProbeWith(Crew& crew, std::function<Status()> probe) {
  bool hangs = false;
  const Status sound = crew.Ask<Done>(std::move(probe), settings_.deadline, &hangs);
  if (!sound) breaker_.StayOpen(sound.error().detail);
  if (hangs) return Found::kHangs;
  return sound ? Found::kSound : Found::kFailed;
}

}  // namespace acb::hsm
