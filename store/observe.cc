#include "store/observe.h"

#include <algorithm>

#include "firmware/holder_text.h"
#include "store/answers.h"
#include "store/audit_log.h"
#include "store/elsewhere.h"
#include "store/observed_rows.h"
#include "store/pending.h"
#include "store/quarantine.h"
#include "store/reading.h"

namespace acb::store {
namespace {

using Holder = CellState::Holder;

constexpr RemotePartyRole kRoles[] = {RemotePartyRole::kSupplier,
                                      RemotePartyRole::kNetworkOperator};

// All that one observation changes, decided before anything is written.
struct Plan {
  CountersRow row;
  CountersRow before;      // as of now
  std::uint64_t base = 0;  // no counter was ever above it when a recovery set it
  std::uint64_t issued_before = 0;
  std::vector<CellChange> cells;
  std::vector<std::string> observations;
  std::vector<std::string> alarms;
  std::vector<QuarantinedItem> held;
  std::vector<Evidence> evidence;         // not stored yet
  bool foreign = false;                   // COUNTER_NOT_OURS
  std::optional<PendingCommand> settled;  // that this ends
  std::vector<PendingCommand> cancelled;  // that were taken back
  std::vector<PendingCommand> expired;    // whose outcome did not come
  bool keep_pending = false;
};

void AddOnce(std::vector<std::string>& names, const std::string& name) {
  if (std::ranges::find(names, name) == names.end()) names.push_back(name);
}

// design.md section 4: what bears the ACB as originator was given out here, or is an alarm. A
// marker keeps an alarm from vouching for its own repeat: evidence holds both. It is of these
// octets alone: an altered copy says nothing of the command that was given out.
Result<bool> GivenOutHere(const Transaction& transaction, const Observation& seen) {
  const Sha256Digest sha256 = Sha256(seen.command);
  const auto foreign =
      transaction.Get(Table::kObserved, KeyOfForeign(seen.device, seen.counter, sha256));
  if (!foreign) return foreign.error();
  if (foreign->has_value()) return false;
  const auto command = transaction.Get(Table::kEvidence, sha256);
  if (!command) return command.error();
  if (command->has_value()) return true;
  const auto elsewhere = Find(transaction, Table::kElsewhere,
                              KeyOfElsewhere(seen.device, seen.counter), DecodeElsewhere);
  if (!elsewhere) return elsewhere.error();
  if (!elsewhere->has_value()) return false;
  return !(*elsewhere)->command || *(*elsewhere)->command == sha256;
}

Result<std::optional<ObservedRow>> FindNewest(const Transaction& transaction,
                                              const Observation& seen, RemotePartyRole role) {
  return Find(transaction, Table::kObserved, KeyOfObserved(seen.device, role, seen.originator),
              DecodeObserved);
}

std::uint64_t GreatestIssued(const Plan& plan) { return std::max(plan.issued_before, plan.base); }

QuarantinedItem ItemOf(const Observation& seen, RemotePartyRole role, FloorSeqNumber floor,
                       bool for_acb, std::uint64_t jump) {
  QuarantinedItem item;
  item.device = seen.device;
  item.role = role;
  item.floor = floor;
  item.for_acb = for_acb;
  item.since = seen.at();
  item.why = "an observed number may be at most " + std::to_string(jump) +
             " above the greatest number known for device and cell";
  return item;
}

Status Hold(const Transaction& transaction, QuarantinedItem item, Plan& plan) {
  const auto waiting = IsWaiting(transaction, item);
  if (!waiting) return waiting.error();
  if (!*waiting) plan.held.push_back(std::move(item));
  return Done{};
}

Status JudgeRoles(const Transaction& transaction, const Observation& seen, std::uint64_t jump,
                  Plan& plan) {
  for (const RoleFacts& facts : seen.roles) {
    CellState* cell = plan.row.Find(facts.role);
    if (cell == nullptr) continue;
    const auto newest = FindNewest(transaction, seen, facts.role);
    if (!newest) return newest.error();
    const auto last = FindLastMoved(transaction, seen.device, facts.role);
    if (!last) return last.error();
    CellRecord known;
    if (last->has_value()) known.unexplained = (*last)->unexplained;
    known.cell = *cell;
    known.last_issued = GreatestIssued(plan);
    if (newest->has_value() && (*newest)->on_receipt) {
      known.newest = (*newest)->counter;
      known.newest_recorded = (*newest)->recorded;
    }
    if (newest->has_value()) known.newest_dated = (*newest)->dated;
    if (last->has_value() && (*last)->originator != seen.originator) {
      known.others = LastMove{(*last)->recorded, {}};
      if ((*last)->last_is_dated) known.others->executed = (*last)->dated->executed;
    }
    known.given_out_here = seen.by_acb() && !plan.foreign;
    known.jump = jump;
    CellChange change = Judge(facts, seen, known);
    *cell = change.after;
    for (const std::string& name : change.observations) AddOnce(plan.observations, name);
    for (const std::string& alarm : change.alarms) plan.alarms.push_back(alarm);
    if (change.held) {
      Status held = Hold(transaction,
                         ItemOf(seen, facts.role, *change.held, change.held_for_acb, jump), plan);
      if (!held) return held;
    }
    plan.cells.push_back(std::move(change));
  }
  return Done{};
}

// An observed counter of the ACB that is not believed yet: nothing is signed below it meanwhile,
// and when two operators agree each cell that was the ACB's gets it as its floor, and it is spent
// for all of them.
Status HoldIssued(const Transaction& transaction, const Observation& seen, std::uint64_t jump,
                  Plan& plan) {
  const FloorSeqNumber floor = *FloorSeqNumber::From(seen.counter);
  bool found = false;
  for (const RemotePartyRole role : kRoles) {
    CellState& cell = *plan.row.Find(role);
    if (cell.holder != Holder::kAcb) continue;
    found = true;
    CellChange change;
    change.role = role;
    change.before = cell;
    cell.holder = Holder::kUnknown;
    change.after = cell;
    change.result = "quarantined";
    plan.cells.push_back(std::move(change));
    QuarantinedItem item = ItemOf(seen, role, floor, true, jump);
    item.issued = true;
    if (Status held = Hold(transaction, std::move(item), plan); !held) return held;
  }
  if (found) return Done{};
  // No floor of a cell, but the greatest counter issued (ApplyFloor in quarantine.cc).
  return Hold(transaction, ItemOf(seen, RemotePartyRole::kAccessControlBroker, floor, false, jump),
              plan);
}

Status RaiseIssued(const Transaction& transaction, const Observation& seen, std::uint64_t jump,
                   Plan& plan) {
  if (!seen.by_acb() || seen.counter <= plan.issued_before) return Done{};
  const bool too_far = std::ranges::all_of(kRoles, [&](RemotePartyRole role) {
    return JumpsTooFar(seen.counter, GreatestIssued(plan), *plan.row.Find(role), jump);
  });
  if (too_far) return HoldIssued(transaction, seen, jump, plan);
  plan.row.last_issued = seen.counter;
  return Done{};
}

// A command is kept until its outcome comes, unless that came already.
Result<bool> WaitsForOutcome(const Transaction& transaction, const Observation& seen) {
  if (seen.stage != ObservedStage::kNoAnswer && seen.stage != ObservedStage::kPending) return false;
  for (const RemotePartyRole role : kRoles) {
    const auto newest = FindNewest(transaction, seen, role);
    if (!newest) return newest.error();
    if (!newest->has_value()) continue;
    const ObservedRow& row = **newest;
    // A future dated one may be executed after one with a greater counter.
    if (row.on_receipt && row.counter >= seen.counter && !seen.executes_at) return false;
    // The post again of one that was executed, or of one that another has followed, waits for
    // nothing.
    const bool followed = row.dated && seen.executes_at && *seen.executes_at <= row.dated->executed;
    if (followed || (row.dated && row.dated->counter == seen.counter)) return false;
  }
  return true;
}

Status MakePendingRoom(const Transaction& transaction, const Observation& seen, Plan& plan) {
  const auto count = transaction.Count(Table::kPending);
  if (!count) return count.error();
  if (*count < kMaxPending || !plan.expired.empty()) return Done{};
  auto overdue = FindLongestOverdue(transaction, seen.at());
  if (!overdue) return std::move(overdue).error();
  plan.expired = *std::move(overdue);
  if (!plan.expired.empty()) return Done{};
  return Failure(Reason::kBusy, "too many commands wait for their outcome");
}

// Section 3.2: a later command of the same kind with the far execution time takes back the future
// dated ones, and no other.
Status FindCancelled(const Transaction& transaction, const Observation& seen, Plan& plan) {
  const Bytes prefix = ByteWriter().U64(seen.device.value()).U64(seen.originator.value()).bytes();
  std::size_t looked = 0;
  return transaction.Walk(
      Table::kPending, prefix, prefix, [&](BytesView key, BytesView payload) -> Result<bool> {
        const auto row = DecodePending(payload);
        if (!row) return Damaged(Table::kPending, key, "does not have the table's form");
        ByteReader name(key);
        name.Raw(prefix.size());
        const bool of_kind = name.U64() < seen.counter && row->message_code == seen.message_code;
        // One whose time has come by now may have been executed before this reached the device.
        const bool waits =
            row->future_dated &&
            row->due.PlusSeconds(-kLongestDelaySeconds - kClockDoubtSeconds) > seen.at();
        if (of_kind && waits) plan.cancelled.push_back({ToBytes(key), *row});
        return ++looked < kMaxCancelled;
      });
}

Status PlanPending(const Transaction& transaction, const Observation& seen, Plan& plan) {
  const Bytes key = KeyOfPending(seen.device, seen.originator, seen.counter);
  const auto row = Find(transaction, Table::kPending, key, DecodePending);
  if (!row) return row.error();
  if (seen.stage == ObservedStage::kCancelled || seen.stage == ObservedStage::kExecuted) {
    if (row->has_value()) plan.settled = PendingCommand{key, **row};
    return seen.stage == ObservedStage::kExecuted ? Status(Done{})
                                                  : FindCancelled(transaction, seen, plan);
  }
  const auto waits = WaitsForOutcome(transaction, seen);
  if (!waits) return waits.error();
  plan.keep_pending = *waits && !row->has_value();
  return plan.keep_pending ? MakePendingRoom(transaction, seen, plan) : Done{};
}

Status PlanEvidence(const Transaction& transaction, const Observation& seen, Plan& plan) {
  for (const Bytes* octets : {&seen.command, &seen.response, &seen.service_request}) {
    if (octets->empty()) continue;
    // With a repeat of command and response a service request proves nothing more.
    if (octets == &seen.service_request && plan.evidence.empty()) continue;
    Evidence evidence = EvidenceOf(*octets);
    if (auto looked = LookUp(transaction, evidence); !looked) return looked;
    if (!evidence.known) plan.evidence.push_back(evidence);
  }
  return Done{};
}

// What the device did not report in time is not known when the new message is judged. Not the
// command whose outcome this is.
Status PlanExpired(const Transaction& transaction, const Observation& seen, Plan& plan) {
  auto overdue = FindOverdue(transaction, seen.device, seen.at());
  if (!overdue) return std::move(overdue).error();
  plan.expired = *std::move(overdue);
  const Bytes own = KeyOfPending(seen.device, seen.originator, seen.counter);
  std::erase_if(plan.expired, [&](const PendingCommand& one) { return one.key == own; });
  for (const PendingCommand& one : plan.expired) ForgetCellsOf(one.row, plan.row);
  return Done{};
}

Result<Plan> MakePlan(const Transaction& transaction, const Observation& seen, std::uint64_t jump) {
  auto row = FindCurrentCounters(transaction, seen.device);
  if (!row) return std::move(row).error();
  if (!row->has_value()) return Failure(Reason::kDeviceUnknown);
  Plan plan;
  plan.row = **std::move(row);
  if (Status overdue = PlanExpired(transaction, seen, plan); !overdue) return overdue.error();
  plan.before = plan.row;
  const auto fence = ReadSetting(transaction, Setting::kFence, DecodeFence);
  if (!fence) return fence.error();
  plan.base = fence->base;
  plan.issued_before = plan.row.last_issued;
  plan.observations = seen.observations;
  plan.alarms = seen.alarms;
  if (seen.by_acb()) {
    const auto ours = GivenOutHere(transaction, seen);
    if (!ours) return ours.error();
    plan.foreign = !*ours;
  }
  if (plan.foreign) {
    const std::string name(Describe(Reason::kCounterNotOurs).name);
    AddOnce(plan.observations, name);
    plan.alarms.push_back(name);
  }
  if (Status judged = JudgeRoles(transaction, seen, jump, plan); !judged) return judged.error();
  if (Status raised = RaiseIssued(transaction, seen, jump, plan); !raised) return raised.error();
  if (Status pending = PlanPending(transaction, seen, plan); !pending) return pending.error();
  if (Status kept = PlanEvidence(transaction, seen, plan); !kept) return kept.error();
  if (!plan.held.empty()) {
    if (Status room = CheckQuarantineRoom(transaction); !room) return room.error();
  }
  return plan;
}

audit::Object CellEntry(const CellChange& change) {
  audit::Object cell{{"role", acb::Name(change.role)},
                     {"result", change.result},
                     {"before", HolderText(change.before)},
                     {"after", HolderText(change.after)}};
  const auto add = [&cell](const char* name, const std::optional<FloorSeqNumber>& floor) {
    if (floor) cell.emplace(name, std::to_string(floor->value()));
  };
  add("floor_before", change.before.floor);
  add("floor", change.after.floor);
  add("quarantined", change.held);
  // For a recovery from the log: what else of the cell was written, and whose pair, of the ACB's.
  cell.emplace("newest", change.newest);
  if (change.newest && change.unexplained) {
    cell.emplace("unexplained", change.unexplained->Hyphenated());
  }
  if (change.after.holder == Holder::kAcb && change.after.acb_key) {
    cell.emplace("acb_key", ToHex(ByteWriter().U64(change.after.acb_key->value).bytes()));
  }
  return cell;
}

audit::Entry ObservedEntry(const Observation& seen, const Plan& plan) {
  audit::Entry entry = seen.entry;
  audit::List cells, observations;
  for (const CellChange& change : plan.cells) {
    audit::Object cell = CellEntry(change);
    cells.emplace_back(std::move(cell));
  }
  for (const std::string& name : plan.observations) observations.emplace_back(name);
  entry.Set("device", seen.device.Hyphenated())
      .Set("originator", seen.originator.Hyphenated())
      .Set("originator_counter", std::to_string(seen.counter))
      .Set("message_code", ToHex(ByteWriter().U16(seen.message_code).bytes()))
      .Set("stage", acb::Name(seen.stage))
      .Set("cells", std::move(cells))
      .Set("observations", std::move(observations))
      .Set("last_issued_before", std::to_string(plan.issued_before))
      .Set("last_issued", std::to_string(plan.row.last_issued))
      .Set("command_sha256", ToHex(Sha256(seen.command)));
  if (!seen.response.empty()) entry.Set("response_sha256", ToHex(Sha256(seen.response)));
  if (!seen.service_request.empty()) {
    entry.Set("service_request_sha256", ToHex(Sha256(seen.service_request)));
  }
  if (seen.executed_at) entry.Set("executed_at", seen.executed_at->Iso());
  if (!plan.cancelled.empty()) entry.Set("taken_back", std::to_string(plan.cancelled.size()));
  return entry;
}

Status AppendAlarms(WriteTransaction& transaction, const Observation& seen, const Plan& plan,
                    std::uint64_t observed, Environment environment) {
  for (const std::string& alarm : plan.alarms) {
    audit::Entry entry("alarm", seen.at());
    entry.Set("alarm", alarm)
        .Set("device", seen.device.Hyphenated())
        .Set("originator", seen.originator.Hyphenated())
        .Set("originator_counter", std::to_string(seen.counter))
        .Set("observed", std::to_string(observed));
    if (const auto added = AppendEntry(transaction, entry, environment); !added) {
      return added.error();
    }
  }
  return Done{};
}

PendingCommand PendingOf(const Observation& seen, std::uint64_t observed) {
  PendingRow row;
  row.command = Sha256(seen.command);
  row.message_code = seen.message_code;
  row.audit_index = observed;
  row.future_dated = seen.executes_at.has_value();
  for (const RemotePartyRole role : seen.replaces) {
    (role == RemotePartyRole::kSupplier ? row.supplier : row.network_operator) = true;
  }
  row.due = seen.executes_at.value_or(seen.at()).PlusSeconds(kLongestDelaySeconds);
  return {KeyOfPending(seen.device, seen.originator, seen.counter), row};
}

Status WriteRows(WriteTransaction& transaction, const Observation& seen, const Plan& plan,
                 std::uint64_t observed) {
  const Sha256Digest command = Sha256(seen.command);
  for (const CellChange& change : plan.cells) {
    if (!change.newest) continue;
    const auto newest = FindNewest(transaction, seen, change.role);
    if (!newest) return newest.error();
    ObservedRow row;
    row.on_receipt = false;
    if (newest->has_value()) row = **newest;
    NoteMoved(row, seen.counter, seen.executed_at, seen.at());
    row.command = command;
    row.response = Sha256(seen.response);
    row.audit_index = observed;
    row.unexplained = change.unexplained;
    Status put =
        transaction.Put(Table::kObserved, KeyOfObserved(seen.device, change.role, seen.originator),
                        EncodeObserved(row));
    if (!put) return put;
  }
  if (plan.foreign) {
    Status put = transaction.Put(Table::kObserved, KeyOfForeign(seen.device, seen.counter, command),
                                 EncodeObserved({.counter = seen.counter,
                                                 .command = command,
                                                 .response = {},
                                                 .audit_index = observed,
                                                 .unexplained = {},
                                                 .recorded = seen.at(),
                                                 .dated = {}}));
    if (!put) return put;
  }
  if (plan.keep_pending) {
    if (Status put = PutPending(transaction, PendingOf(seen, observed)); !put) return put;
  }
  std::vector<PendingCommand> ended = plan.cancelled;
  if (plan.settled) ended.push_back(*plan.settled);
  for (const PendingCommand& one : ended) {
    if (Status gone = DeletePending(transaction, one); !gone) return gone;
  }
  return Done{};
}

// design.md section 4: a recorded floor, and a cell that becomes the ACB's, are anchored before
// anybody is told; last_issued counts as a move. Also when nothing is new: what an earlier post
// wrote may still wait for its anchor.
Status WriteCounters(WriteTransaction& transaction, const Observation& seen, const Plan& plan) {
  transaction.DemandAnchor();
  Bytes payload = EncodeCounters(plan.row);
  if (payload == EncodeCounters(plan.before)) return Done{};
  transaction.NoteMove(plan.row.last_issued - plan.issued_before);
  return transaction.Put(Table::kCounters, KeyOf(seen.device), payload);
}

}  // namespace

Result<RecordedObservation> StoreObservation(WriteTransaction& transaction, const Observation& seen,
                                             std::uint64_t counter_jump, Environment environment) {
  auto plan = MakePlan(transaction, seen, counter_jump);
  if (!plan) return std::move(plan).error();

  // Above this line nothing is written.

  for (const PendingCommand& one : plan->expired) {
    if (Status ended = Expire(transaction, one, seen.at(), environment); !ended) {
      return std::move(ended).error();
    }
  }
  const auto receipt = AppendEntry(transaction, ObservedEntry(seen, *plan), environment);
  if (!receipt) return receipt.error();
  for (const QuarantinedItem& item : plan->held) {
    const auto held = QuarantineFloor(transaction, item, environment);
    if (!held) return held.error();
  }
  Status written = AppendAlarms(transaction, seen, *plan, receipt->index, environment);
  for (const Evidence& one : plan->evidence) {
    if (written) written = PutEvidence(transaction, one);
  }
  if (written) written = WriteRows(transaction, seen, *plan, receipt->index);
  if (written) written = WriteCounters(transaction, seen, *plan);
  if (!written) return std::move(written).error();
  RecordedObservation recorded;
  recorded.cells = std::move(plan->cells);
  recorded.observations = std::move(plan->observations);
  recorded.alarms = std::move(plan->alarms);
  for (const QuarantinedItem& item : plan->held) {
    if (item.role == RemotePartyRole::kAccessControlBroker) recorded.held_issued = item.floor;
  }
  recorded.last_issued = plan->row.last_issued;
  recorded.receipt = *receipt;
  return recorded;
}

}  // namespace acb::store
