// How a Store begins and ends: what of Store needs the anchors in the HSM.
#include "store/audit_log.h"
#include "store/core.h"
#include "store/counters.h"
#include "store/reading.h"

namespace acb::store {
namespace {

using Gate = Writer::Gate;

// The `anchor` entries' time: the log keeps real time (design.md section 10).
UtcTime RealTime() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return UtcTime(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

std::optional<Anchored> ToAnchored(const std::optional<Anchor>& passed) {
  if (!passed) return {};
  return Anchored{passed->tree_size, passed->root, passed->epoch, passed->instance, passed->raise};
}

// An export hands the counters to another box for good.
Status CheckCountersOurs(const std::shared_ptr<const LmdbEnvironment>& environment) {
  const auto transaction = ReadTransaction::Begin(environment);
  if (!transaction) return transaction.error();
  const auto fence = ReadSetting(*transaction, Setting::kFence, DecodeFence);
  if (!fence) return fence.error();
  return CheckNotExported(*fence);
}

Space::Look LookOf(const Seams& seams) {
  if (!seams.file_system) return {};
  return [look = seams.file_system]() -> std::optional<Space::FileSystem> {
    const auto seen = look();
    if (!seen) return {};
    return Space::FileSystem{seen->first, seen->second};
  };
}

}  // namespace

Store::Core::Core(std::shared_ptr<const LmdbEnvironment> opened, const OpenSettings& given,
                  Identity read, const Seams& seams)
    : Core(std::move(opened), given, read, seams,
           std::make_unique<Anchors>(read.environment, RealTime, seams.anchor_age)) {}

Store::Core::Core(std::shared_ptr<const LmdbEnvironment> opened, const OpenSettings& given,
                  Identity read, const Seams& seams, std::unique_ptr<Anchors> keeper)
    : environment(std::move(opened)),
      settings(given),
      identity(read),
      space(environment, given.directory, given.reserve, LookOf(seams)),
      anchors(*keeper),
      writer(environment, std::move(keeper), seams.look_interval) {}

Status Store::Provision(AnchorObjects& objects, const audit::Entry& provision,
                        std::uint64_t window) {
  return core_->writer.RunAct(Gate::kOffline, Gate::kOffline, [&] {
    return ProvisionAnchor(core_->PartsFor(objects, window), provision);
  });
}

Status Store::Start(AnchorObjects& objects, const StartOrder& order) {
  return core_->writer.RunAct(Gate::kOffline, Gate::kServing, [&]() -> Status {
    auto started = StartStore(core_->PartsFor(objects, core_->settings.anchor_every), order);
    if (!started) return std::move(started).error();
    core_->after_unclean_stop = started->after_unclean_stop;
    core_->anchors.Begin(objects, started->running);
    return Done{};
  });
}

void Store::BeginStop() { core_->stop_begun = true; }

Status Store::CheckGoesOn() const { return core_->CheckGoesOn(); }

// design.md section 4: "Clean stop: no more work, all answered or abandoned, `stop` entry, flush,
// object `stopped`; nothing after it."
Status Store::Stop(const audit::Entry& stop) {
  return core_->writer.RunAct(Gate::kServing, Gate::kClosed, [&]() -> Status {
    auto written = core_->writer.WriteNow([&](WriteTransaction& transaction) -> Status {
      const Abandonment why{"STOP", "the service stopped before the reservation was answered",
                            stop.at()};
      if (auto gone = AbandonAll(transaction, why, environment()); !gone) return gone;
      if (auto added = AppendEntry(transaction, stop, environment()); !added) {
        return added.error();
      }
      return core_->anchors.PrepareStopped(transaction);
    });
    if (!written) return written;
    // If power fails now: the anchor says that this box runs, and the next start adds a window.
    Status made = core_->anchors.MakeObject();
    core_->anchors.DestroyLower();
    return made;
  });
}

bool Store::after_unclean_stop() const { return core_->after_unclean_stop; }

Status Store::AnchorNow() { return core_->AnchorNow(); }

std::optional<Anchored> Store::anchored() const {
  return ToAnchored(core_->anchors.state().passed);
}

std::optional<Anchored> Store::WaitForAnchored(std::uint64_t tree_size,
                                               std::chrono::milliseconds patience) const {
  return ToAnchored(core_->anchors.WaitForPassed(tree_size, patience));
}

std::optional<Failure> Store::ended() const { return core_->writer.ended(); }

bool Store::in_doubt() const {
  const auto why = ended();
  return why && why->reason == Reason::kStoreInDoubt;
}

bool Store::overtaken() const {
  const auto why = ended();
  return why && why->reason == Reason::kOvertaken;
}

Status Store::attention() const {
  if (auto sound = core_->writer.CheckNotEnded(); !sound) return sound;
  if (auto anchorable = core_->CheckAnchorable(); !anchorable) return anchorable;
  if (auto may = core_->CheckMayReserve(); !may) return may;
  if (auto ours = CheckCountersOurs(core_->environment); !ours) return ours;
  return core_->space.Check();
}

}  // namespace acb::store
