#include "firmware/observation.h"

#include <algorithm>

namespace acb {
namespace {

using Holder = CellState::Holder;

std::string NameOf(Reason reason) { return std::string(Describe(reason).name); }

void Add(std::vector<std::string>& names, Reason reason) {
  std::string name = NameOf(reason);
  if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
}

// 6.21: what the ACB signs is for cells that it holds.
bool IsHandover(const RoleFacts& facts, const Observation& seen) {
  return seen.by_acb() && facts.result != RoleFacts::Result::kNone;
}

enum class Order { kNewer, kOlder, kUnknown };

// The device found whom the record names, and no message before that one was missed.
bool FollowsRecord(const RoleFacts& facts, const Observation& seen, const CellRecord& known) {
  if (known.cell.holder == Holder::kUnknown || known.unexplained || facts.existing.empty()) {
    return false;
  }
  const Eui64 holder = known.cell.holder == Holder::kAcb ? seen.acb : known.cell.party;
  return std::ranges::all_of(facts.existing, [&](Eui64 one) { return one == holder; });
}

Order OrderOfDated(const RoleFacts& facts, const Observation& seen, const CellRecord& known) {
  const UtcTime executed = *seen.executed_at;
  const auto compare = [&](UtcTime other) {
    return executed < other ? Order::kOlder : executed > other ? Order::kNewer : Order::kUnknown;
  };
  if (known.newest_dated && known.newest_dated->counter == seen.counter) return Order::kOlder;
  if (known.newest && *known.newest == seen.counter) return Order::kOlder;
  if (known.newest_dated) {
    if (const Order order = compare(known.newest_dated->executed); order != Order::kNewer) {
      return order;
    }
  }
  if (known.others && known.others->executed) {
    if (const Order order = compare(*known.others->executed); order != Order::kNewer) return order;
  }
  const auto surely_after = [&](UtcTime recorded) {
    return executed > recorded.PlusSeconds(kClockDoubtSeconds);
  };
  const bool after_own =
      !known.newest || seen.counter > *known.newest || surely_after(known.newest_recorded);
  const bool after_others =
      !known.others || known.others->executed || surely_after(known.others->recorded);
  if (after_own && after_others) return Order::kNewer;
  return FollowsRecord(facts, seen, known) ? Order::kNewer : Order::kUnknown;
}

Order OrderOfImmediate(const RoleFacts& facts, const Observation& seen, const CellRecord& known) {
  if (known.newest && seen.counter <= *known.newest) return Order::kOlder;
  if (known.newest_dated && seen.counter <= known.newest_dated->counter) return Order::kOlder;
  std::optional<UtcTime> dated;
  if (known.newest_dated) dated = known.newest_dated->executed;
  if (known.others) dated = std::max(dated, known.others->executed);
  if (!dated || FollowsRecord(facts, seen, known)) return Order::kNewer;
  if (seen.at().PlusSeconds(kClockDoubtSeconds) < *dated) return Order::kOlder;
  return seen.at() > dated->PlusSeconds(kLongestDelaySeconds) ? Order::kNewer : Order::kUnknown;
}

Order OrderOf(const RoleFacts& facts, const Observation& seen, const CellRecord& known) {
  return seen.executed_at ? OrderOfDated(facts, seen, known) : OrderOfImmediate(facts, seen, known);
}

bool IsLateHandover(const RoleFacts& facts, const Observation& seen, const CellRecord& known) {
  // It was signed above the floor of then (R-128-16), and is what that command found.
  return IsHandover(facts, seen) && known.given_out_here && known.cell.holder == Holder::kAcb &&
         known.cell.floor && seen.counter <= known.cell.floor->value() && known.unexplained &&
         facts.placed == Holder::kParty && facts.party == *known.unexplained;
}

// R-NOW-15: an incident. The device's word counts all the same: a message in between was missed.
std::optional<Eui64> UnexpectedHolder(const RoleFacts& facts, const Observation& seen,
                                      const CellRecord& known) {
  std::optional<Eui64> expected;
  if (IsHandover(facts, seen) || known.cell.holder == Holder::kAcb) {
    expected = seen.acb;
  } else if (known.cell.holder == Holder::kParty) {
    expected = known.cell.party;
  }
  for (const Eui64 holder : facts.existing) {
    if (expected && holder != *expected) return holder;
  }
  return std::nullopt;
}

// R-NOW-1, R-128-21: the maximum, unless it jumps too far.
bool RaiseFloor(std::uint64_t value, const CellRecord& known, CellChange& change) {
  const auto floor = FloorSeqNumber::From(value);
  if (change.after.floor && floor <= change.after.floor) return true;
  if (!floor || JumpsTooFar(value, known.last_issued, known.cell, known.jump)) {
    change.held = floor;
    change.result = "quarantined";
    return false;
  }
  change.after.floor = floor;
  return true;
}

void MakeUnknown(CellChange& change) {
  change.after.holder = Holder::kUnknown;
  change.after.party = Eui64(0);
}

// As RaiseFloor; a cell of the ACB whose floor is held is not signed for above the older one.
void RaiseOrHold(std::uint64_t value, const CellRecord& known, CellChange& change) {
  if (RaiseFloor(value, known, change) || change.after.holder != Holder::kAcb) return;
  change.held_for_acb = true;
  MakeUnknown(change);
}

void JudgeStale(const RoleFacts& facts, const CellRecord& known, CellChange& change) {
  change.result = "stale";
  Add(change.observations, Reason::kStaleObservation);
  const bool placed_acb =
      facts.result == RoleFacts::Result::kSuccess && facts.placed == Holder::kAcb;
  if (placed_acb || facts.result == RoleFacts::Result::kNone)
    RaiseOrHold(facts.floor, known, change);
}

bool Moves(const RoleFacts& facts) {
  return facts.result == RoleFacts::Result::kSuccess || facts.result == RoleFacts::Result::kPartial;
}

// R-128-21: a counter that jumps too far would make every later message of its originator stale.
// Whoever is placed, it moves nothing until two operators have agreed to the number.
bool HoldsCounter(const RoleFacts& facts, const Observation& seen, const CellRecord& known,
                  CellChange& change) {
  if (!Moves(facts) || !JumpsTooFar(seen.counter, known.last_issued, known.cell, known.jump))
    return false;
  change.result = "quarantined";
  change.held_for_acb = facts.result == RoleFacts::Result::kSuccess && facts.placed == Holder::kAcb;
  change.held = FloorSeqNumber::From(change.held_for_acb ? std::max(facts.floor, seen.counter)
                                                         : seen.counter);
  if (change.held_for_acb) change.after.acb_key = facts.acb_key;
  MakeUnknown(change);
  return true;
}

// Either may be what the device has now: nobody signs for it on a guess.
void JudgeUnordered(const RoleFacts& facts, const Observation& seen, const CellRecord& known,
                    CellChange& change) {
  if (HoldsCounter(facts, seen, known, change)) {
    change.held_for_acb = false;
    return;
  }
  change.result = "unordered";
  change.newest = true;
  const bool placed_acb =
      facts.result == RoleFacts::Result::kSuccess && facts.placed == Holder::kAcb;
  if (placed_acb && !RaiseFloor(facts.floor, known, change)) change.held_for_acb = false;
  MakeUnknown(change);
  change.alarms.push_back("CELL_UNKNOWN: which of two changes the device executed last");
}

void JudgeSuccess(const RoleFacts& facts, const CellRecord& known, CellChange& change) {
  change.result = "success";
  change.newest = true;
  change.after.holder = facts.placed;
  change.after.party = facts.party;
  change.after.acb_key = facts.acb_key;
  if (facts.placed == Holder::kUnknown) {
    // R-128-15: not proof enough. Nobody signs for it on a guess.
    change.alarms.push_back("CELL_UNKNOWN: " + facts.doubt);
    return;
  }
  if (facts.placed != Holder::kAcb) return;
  change.after.party = Eui64(0);
  if (RaiseFloor(facts.floor, known, change)) return;
  // R-128-17: the ACB's, but its floor is not believed yet: not to be signed for above an older
  // one.
  change.held_for_acb = true;
  MakeUnknown(change);
}

}  // namespace

std::string_view Name(ObservedStage stage) {
  switch (stage) {
    case ObservedStage::kNoAnswer:
      return "no-answer";
    case ObservedStage::kPending:
      return "pending";
    case ObservedStage::kCancelled:
      return "cancelled";
    case ObservedStage::kExecuted:
      return "executed";
    case ObservedStage::kOther:
      return "other";
  }
  return {};
}

bool JumpsTooFar(std::uint64_t value, std::uint64_t last_issued, const CellState& cell,
                 std::uint64_t jump) {
  const std::uint64_t greatest =
      std::max(last_issued, cell.floor ? cell.floor->value() : std::uint64_t{0});
  return value > greatest && value - greatest > jump;
}

CellChange Judge(const RoleFacts& facts, const Observation& seen, const CellRecord& known) {
  CellChange change;
  change.role = facts.role;
  change.before = known.cell;
  change.after = known.cell;
  const bool fell_short =
      facts.result == RoleFacts::Result::kFailed || facts.result == RoleFacts::Result::kPartial;
  if (fell_short) Add(change.observations, Reason::kNotSuccessful);
  const Order order = OrderOf(facts, seen, known);
  if (order == Order::kOlder || IsLateHandover(facts, seen, known)) {
    JudgeStale(facts, known, change);
    return change;
  }
  change.unexplained = UnexpectedHolder(facts, seen, known);
  if (change.unexplained) {
    Add(change.observations, Reason::kHolderMismatch);
    Add(change.alarms, Reason::kHolderMismatch);
  }
  if (order == Order::kUnknown && Moves(facts)) {
    JudgeUnordered(facts, seen, known, change);
    return change;
  }
  if (HoldsCounter(facts, seen, known, change)) return change;
  switch (facts.result) {
    case RoleFacts::Result::kSuccess:
      JudgeSuccess(facts, known, change);
      break;
    case RoleFacts::Result::kFailed:
      // R-128-12: the record stays. But what a device reports to have set, by whose command ever,
      // it holds against the next one of ours.
      change.result = "failed";
      if (change.after.holder == Holder::kAcb && facts.reported) {
        RaiseOrHold(*facts.reported, known, change);
      }
      break;
    case RoleFacts::Result::kPartial:
      // R-128-15, gbcs-cs02b.md 6.3: a failure that has changed the device.
      change.result = "partial";
      change.newest = true;
      MakeUnknown(change);
      change.alarms.push_back("NOT_SUCCESSFUL: only a part of the cells changed");
      break;
    case RoleFacts::Result::kNone:
      change.result = "floor";
      // Whoever holds the cell: it only rises.
      RaiseOrHold(facts.floor, known, change);
      break;
  }
  return change;
}

}  // namespace acb
