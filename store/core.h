// What a Store is made of: for the parts of store/ that are members of Store. Private to store/.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "store/anchors.h"
#include "store/environment.h"
#include "store/feeds.h"
#include "store/owed.h"
#include "store/parties_against.h"
#include "store/space.h"
#include "store/start.h"
#include "store/store.h"
#include "store/writer.h"

namespace acb::store {

using Lane = Writer::Lane;

struct Store::Core {
  Core(std::shared_ptr<const LmdbEnvironment> opened, const OpenSettings& given, Identity read,
       const Seams& seams);

  // Why nothing is released: no anchor can be made.
  Status CheckAnchorable() const {
    if (anchors.MayReleaseReservations()) return Done{};
    auto unmade = anchors.state().unmade;
    if (!unmade) return Done{};
    return Failure(Reason::kHsmUnavailable, "no anchor can be made", unmade->detail);
  }
  // For whoever has to be covered by an anchor, of all that was written until now.
  Status AnchorNow() {
    return Run(Lane::kFinish, [](WriteTransaction& transaction) -> Status {
      transaction.DemandAnchor();
      return Done{};
    });
  }

  // No counter is spent that could not be handed out, and no import written that could not be
  // answered: first the anchor that all wait for.
  Status MakeAnchorable() {
    if (CheckAnchorable()) return Done{};
    return AnchorNow();
  }

  // One moment of the store.
  Result<ReadTransaction> Read() const {
    // What a failed commit left in the page cache may not be on the disk: nobody acts on it.
    if (auto sound = writer.CheckNotEnded(); !sound) return std::move(sound).error();
    return ReadTransaction::Begin(environment);
  }

  // Store::StopReserving.
  Status CheckMayReserve() const {
    if (!reserving_stopped) return Done{};
    const std::lock_guard lock(stopped_mutex);
    return *stopped_for;
  }

  // Store::AppendAccess: from now on these alone may say a word.
  void LetSpeak(std::vector<std::string> names) {
    const std::lock_guard lock(operators_mutex);
    operators = std::move(names);
  }
  // R-NOW-11: asked by the job that writes the word. Whoever was an operator when the request came
  // may be none by now.
  Status CheckMaySpeak(const std::string& name) const {
    const std::lock_guard lock(operators_mutex);
    if (!operators || std::ranges::count(*operators, name) != 0) return Done{};
    return Failure(Reason::kForbidden, name + " is no operator any more");
  }

  // What is long asks at each row or piece.
  Status CheckGoesOn() const {
    if (!stop_begun) return Done{};
    return Failure(Reason::kBusy, "the service stops: send it again when it is back");
  }

  // A job. New work and long jobs need room beyond the reserve.
  Status Run(Lane lane, const Writer::Work& work, bool* flushed = nullptr) {
    if (lane == Lane::kNewWork) {
      if (auto may = CheckMayReserve(); !may) return may;
    }
    if (lane == Lane::kNewWork || lane == Lane::kAlone) {
      if (auto room = space.Check(); !room) return room;
    }
    return writer.Run(lane, work, flushed);
  }
  // Gives up a reservation; what could not be written is owed.
  Status GiveUp(const Unanswered& reservation, const Abandonment& why) {
    Status done = Run(Lane::kGiveUp, [&](WriteTransaction& transaction) {
      return AbandonReserved(transaction, reservation.request, reservation.role,
                             reservation.counter, why, identity.environment);
    });
    // kChangedMeanwhile: it is no reservation any more.
    if (!done && done.error().reason != Reason::kChangedMeanwhile) owed.Keep(reservation, why);
    return done;
  }
  // Before a reservation of the device.
  void SettleOwed(Eui64 device) {
    if (const auto item = owed.Take(device)) {
      (void)GiveUp(item->reservation, {item->reason, item->explanation, item->at, item->alarm});
    }
  }
  // Runs `work`, a function that gives a Result, as a job; its value once it is durable.
  template <class Work>
  auto Write(Lane lane, const Work& work) {
    return ValueOf(work, [&](const Writer::Work& job) { return Run(lane, job); });
  }
  // The same for an operator's act: it may use the reserve of space.
  template <class Work>
  auto WriteOperatorsAct(const Work& work) {
    return ValueOf(work, [&](const Writer::Work& job) { return writer.Run(Lane::kAlone, job); });
  }
  // The same on a store that was opened and not started, for the tools: no anchor is looked at.
  template <class Work>
  auto WriteOffline(const Work& work) {
    return ValueOf(work, [&](const Writer::Work& job) {
      return writer.RunAct(Writer::Gate::kOffline, Writer::Gate::kOffline,
                           [&] { return writer.WriteNow(job); });
    });
  }

  // All of `rows` in one transaction with the entry.
  template <class Next>
  Result<ImportOutcome> ImportRows(Feed feed, const audit::Entry& entry, const Next& next) {
    if (Status may = MakeAnchorable(); !may) return std::move(may).error();
    return Write(Lane::kAlone, [&](WriteTransaction& transaction) -> Result<ImportOutcome> {
      Import import(transaction, identity.environment, settings.counter_jump, entry.at(),
                    [this] { return CheckGoesOn(); });
      if (auto added = next(import); !added) return std::move(added).error();
      return import.Finish(feed, entry);
    });
  }

  StartParts PartsFor(AnchorObjects& objects, std::uint64_t window) {
    return {environment, identity, objects, window,
            [this](const Writer::Work& work) { return writer.WriteNow(work); }};
  }

  const std::shared_ptr<const LmdbEnvironment> environment;
  PartiesAgainst parties_against;
  std::atomic<bool> reserving_stopped = false;  // stopped_for has a value
  mutable std::mutex stopped_mutex;
  std::optional<Failure> stopped_for;
  mutable std::mutex operators_mutex;
  std::optional<std::vector<std::string>> operators;  // nothing: not said yet, as to the tools
  const OpenSettings settings;
  const Identity identity;
  const Space space;
  Owed owed;
  std::atomic<bool> after_unclean_stop = false;
  std::atomic<bool> stop_begun = false;
  Anchors& anchors;  // the writer's; by its thread, but for state()
  Writer writer;     // last: its thread ends before the rest goes

 private:
  Core(std::shared_ptr<const LmdbEnvironment> opened, const OpenSettings& given, Identity read,
       const Seams& seams, std::unique_ptr<Anchors> keeper);

  template <class Work, class RunJob>
  static auto ValueOf(const Work& work, const RunJob& run)
      -> decltype(work(std::declval<WriteTransaction&>())) {
    using Value = typename decltype(work(std::declval<WriteTransaction&>()))::value_type;
    std::optional<Value> value;
    auto done = run([&](WriteTransaction& transaction) -> Status {
      auto result = work(transaction);
      if (!result) return std::move(result).error();
      value = *std::move(result);
      return Done{};
    });
    if (!done) return std::move(done).error();
    return *std::move(value);
  }
};

}  // namespace acb::store
