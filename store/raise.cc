#include "store/raise.h"

#include <algorithm>
#include <string>

#include "store/acts.h"
#include "store/agreements.h"
#include "store/audit_log.h"
#include "store/reading.h"

namespace acb::store {
namespace {

Bytes SubjectOf(const RaiseWish& wish) {
  constexpr std::uint8_t kNoRole = 0xFF;
  const std::uint8_t role = wish.role ? static_cast<std::uint8_t>(*wish.role) : kNoRole;
  return ByteWriter().U64(wish.device.value()).U8(role).U64(wish.to).bytes();
}

// R-128-21: a repair only goes up; and no further than any other number that comes from outside.
Status CheckUpwards(std::uint64_t to, std::uint64_t recorded, std::uint64_t greatest,
                    std::uint64_t jump) {
  if (to <= recorded) {
    return Failure(Reason::kCounterRegression,
                   "what is recorded is " + std::to_string(recorded) + ": it can only go up");
  }
  if (to > greatest && to - greatest > jump) {
    return Failure(Reason::kCounterLimit, "a raise may be at most " + std::to_string(jump) +
                                              " above the greatest known, " +
                                              std::to_string(greatest));
  }
  return Done{};
}

struct Raised {
  CountersRow row;
  std::optional<std::uint64_t> from;  // nothing: the floor was not known
  std::uint64_t moved = 0;            // last_issued, upwards
};

Result<Raised> RaiseLastIssued(CountersRow row, const RaiseWish& wish, const Fence& fence,
                               std::uint64_t jump) {
  const std::uint64_t known = std::max(row.last_issued, fence.base);
  if (Status good = CheckUpwards(wish.to, known, known, jump); !good) {
    return std::move(good).error();
  }
  Raised raised{.row = row, .from = known, .moved = wish.to - row.last_issued};
  raised.row.last_issued = wish.to;
  return raised;
}

Result<Raised> RaiseFloor(CountersRow row, const RaiseWish& wish, std::uint64_t jump) {
  CellState* cell = row.Find(*wish.role);
  if (cell == nullptr) return Failure(Reason::kMalformed, "no floor is kept for this role");
  const std::uint64_t recorded = cell->floor ? cell->floor->value() : 0;
  if (!cell->floor) {
    // The work list of R-128-17. Of a cell that is not the ACB's, the command that makes it so
    // brings the floor.
    if (cell->holder == CellState::Holder::kUnknown) return Failure(Reason::kCellUnknown);
    if (cell->holder != CellState::Holder::kAcb) return Failure(Reason::kCellNotAcb);
  }
  if (cell->floor || wish.to != 0) {
    const std::uint64_t greatest = std::max(row.last_issued, recorded);
    if (Status good = CheckUpwards(wish.to, recorded, greatest, jump); !good) {
      return std::move(good).error();
    }
  }
  Raised raised{.row = row, .from = {}, .moved = 0};
  if (cell->floor) raised.from = recorded;
  raised.row.Find(*wish.role)->floor = FloorSeqNumber::From(wish.to);
  return raised;
}

Result<Raised> Apply(const Transaction& transaction, const RaiseWish& wish,
                     const OpenSettings& settings) {
  if (wish.to > kMaxSeqNumber) {
    return Failure(Reason::kMalformed,
                   "a counter or floor is at most " + std::to_string(kMaxSeqNumber));
  }
  auto row = FindCurrentCounters(transaction, wish.device);
  if (!row) return std::move(row).error();
  if (!row->has_value()) return Failure(Reason::kDeviceUnknown);
  if (wish.role) return RaiseFloor(**row, wish, settings.counter_jump);
  const auto fence = ReadSetting(transaction, Setting::kFence, DecodeFence);
  if (!fence) return fence.error();
  return RaiseLastIssued(**row, wish, *fence, settings.counter_jump);
}

Result<audit::Receipt> Record(WriteTransaction& transaction, const RaiseWish& wish,
                              const Raised& raised, const std::optional<OperatorWord>& first,
                              Environment environment) {
  audit::Entry entry("operator", wish.at);
  entry.Set("act", acts::kCounterRaise)
      .Set("device", wish.device.Hyphenated())
      .Set("to", std::to_string(wish.to))
      .SetIfAny("from", raised.from ? std::to_string(*raised.from) : "")
      .SetIfAny("role", wish.role ? acb::Name(*wish.role) : "")
      .Set("explanation", wish.reason)
      .Set("operators", NamesOf(first, wish.operator_name))
      .Set("complete", first.has_value());
  return AppendEntry(transaction, entry, environment);
}

Status Carry(WriteTransaction& transaction, const RaiseWish& wish, const Raised& raised) {
  transaction.NoteMove(raised.moved);
  Status put = transaction.Put(Table::kCounters, KeyOf(wish.device), EncodeCounters(raised.row));
  if (!put) return put;
  // What was checked above an older number is read again at the reservation, and at flush 2.
  return UseFirstWord(transaction, AgreedAct::kRaise, SubjectOf(wish));
}

}  // namespace

Result<Raising> AgreeOnRaise(WriteTransaction& transaction, const RaiseWish& wish,
                             const OpenSettings& settings, Environment environment) {
  auto raised = Apply(transaction, wish, settings);
  if (!raised) return std::move(raised).error();
  const OperatorWord word{wish.at, wish.operator_name, wish.operator_key};
  const auto first = FindFirstWord(transaction, AgreedAct::kRaise, SubjectOf(wish), word);
  if (!first) return first.error();

  const auto receipt = Record(transaction, wish, *raised, *first, environment);
  if (!receipt) return receipt.error();
  const bool complete = first->has_value();
  Status written = complete ? Carry(transaction, wish, *raised)
                            : KeepFirstWord(transaction, AgreedAct::kRaise, SubjectOf(wish), word);
  if (!written) return std::move(written).error();
  transaction.DemandAnchor();
  return Raising{complete, *receipt};
}

}  // namespace acb::store
