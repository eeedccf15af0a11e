#include <algorithm>
#include <string>

#include "store/acts.h"
#include "store/agreements.h"
#include "store/audit_log.h"
#include "store/feeds.h"
#include "store/interchange.h"
#include "store/quarantine.h"
#include "store/reading.h"
#include "store/suspensions.h"

namespace acb::store {
namespace {

// Some 25 MB of the store when the file comes in order of key.
constexpr std::uint64_t kRowsBeforeLettingGo = 100'000;

std::uint64_t AddUpToMax(std::uint64_t number, std::uint64_t more) {
  // R-NOW-2: above 2^63-1 nothing is issued any more: NextCounter says so.
  return number > kMaxSeqNumber - std::min(more, kMaxSeqNumber) ? kMaxSeqNumber : number + more;
}

// What the source can have issued for the device, whatever it lost.
std::uint64_t IssuedBySource(const ExportedCounters& row, const ImportWish& wish) {
  const std::uint64_t due = AddUpToMax(row.last_issued, wish.head.raise - row.raise);
  const std::uint64_t window = wish.fenced ? 0 : wish.window;
  return AddUpToMax(std::max(due, wish.head.base), window);
}

bool SameHolder(const CellState& a, const CellState& b) {
  return a.holder == b.holder && (a.holder != CellState::Holder::kParty || a.party == b.party);
}

bool Same(const CellState& a, const CellState& b) { return SameHolder(a, b) && a.floor == b.floor; }

// One file's rows, merged into what is known here. Only upwards (R-128-21).
class Merger {
 public:
  Merger(WriteTransaction& transaction, const ImportWish& wish, const OpenSettings& settings,
         Environment environment, const Fence& fence)
      : transaction_(transaction),
        wish_(wish),
        jump_(settings.counter_jump),
        environment_(environment),
        fence_(fence) {}

  Status Add(const ExportedCounters& imported);
  const CountersImport& outcome() const { return outcome_; }
  // What two operators have to look at first.
  const std::vector<Suspension>& stopped() const { return stopped_; }

 private:
  void MergeIssued(CountersRow& row, const ExportedCounters& imported);
  void MergeCell(CountersRow& row, const CellState& imported, RemotePartyRole role);
  void Hold(RemotePartyRole role, std::uint64_t value, std::uint64_t greatest);
  Status Write(Eui64 device, const CountersRow& before, const CountersRow& row);
  Status WriteHeld(Eui64 device);
  Status Stop(Eui64 device);

  WriteTransaction& transaction_;
  const ImportWish& wish_;
  const std::uint64_t jump_;
  const Environment environment_;
  const Fence fence_;
  CountersImport outcome_;
  std::vector<QuarantinedItem> held_;  // of the device that is being added
  std::vector<Suspension> stopped_;
};

Status Merger::Add(const ExportedCounters& imported) {
  ++outcome_.rows;
  if (imported.raise > wish_.head.raise) {
    return Failure(Reason::kBackupDamaged,
                   "device " + imported.device.Hyphenated() + " has a raise above the file's");
  }
  const auto written = FindCounters(transaction_, imported.device);
  if (!written) return written.error();
  if (!written->has_value()) {
    // What the device is, only its feed can say; its counters wait for it, with cells unknown.
    if (outcome_.not_known.size() < kMaxListedNotKnown) {
      outcome_.not_known.push_back(imported.device);
    }
    ++outcome_.not_known_count;
  }
  CountersRow before =
      written->value_or(CountersRow{.last_issued = fence_.recovered, .raise = fence_.recovered});
  if (Status current = BringUpToDate(before, fence_, imported.device); !current) return current;
  CountersRow row = before;
  MergeIssued(row, imported);
  MergeCell(row, imported.supplier, RemotePartyRole::kSupplier);
  MergeCell(row, imported.network_operator, RemotePartyRole::kNetworkOperator);
  if (Status put = Write(imported.device, before, row); !put) return put;
  if (outcome_.rows % kRowsBeforeLettingGo == 0) transaction_.LetGoOfPages();
  return WriteHeld(imported.device);
}

void Merger::MergeIssued(CountersRow& row, const ExportedCounters& imported) {
  const std::uint64_t theirs = IssuedBySource(imported, wish_);
  const std::uint64_t ours = std::max(row.last_issued, fence_.base);
  if (theirs <= row.last_issued) return;
  if (theirs > ours && theirs - ours > jump_) {
    Hold(RemotePartyRole::kAccessControlBroker, theirs, ours);
    return;
  }
  row.last_issued = theirs;
}

void Merger::MergeCell(CountersRow& row, const CellState& imported, RemotePartyRole role) {
  CellState& cell = *row.Find(role);
  if (!SameHolder(cell, imported)) {
    cell.holder = CellState::Holder::kUnknown;
    cell.party = Eui64(0);
  }
  if (!imported.floor || imported.floor <= cell.floor) return;
  const std::uint64_t floor = imported.floor->value();
  const std::uint64_t greatest =
      std::max(row.last_issued, cell.floor ? cell.floor->value() : std::uint64_t{0});
  if (floor > greatest && floor - greatest > jump_) {
    // Nor is it signed for above a floor that the other box knows to be too low.
    cell.holder = CellState::Holder::kUnknown;
    cell.party = Eui64(0);
    Hold(role, floor, greatest);
    return;
  }
  cell.floor = imported.floor;
}

// reliability.md section 1: one value near 2^63 would block the device for ever.
void Merger::Hold(RemotePartyRole role, std::uint64_t value, std::uint64_t greatest) {
  QuarantinedItem item;
  item.role = role;
  item.floor = FloorSeqNumber::From(value);
  item.since = wish_.at;
  item.why = "an imported number may be at most " + std::to_string(jump_) +
             " above the greatest known for device and cell, " + std::to_string(greatest) +
             "; the device is suspended";
  held_.push_back(std::move(item));
}

Status Merger::Write(Eui64 device, const CountersRow& before, const CountersRow& row) {
  const bool same = before.last_issued == row.last_issued && Same(before.supplier, row.supplier) &&
                    Same(before.network_operator, row.network_operator);
  if (same) return Done{};
  ++outcome_.changed;
  transaction_.NoteMove(row.last_issued - before.last_issued);
  return transaction_.Put(Table::kCounters, KeyOf(device), EncodeCounters(row));
}

Status Merger::WriteHeld(Eui64 device) {
  for (QuarantinedItem& item : held_) {
    item.device = device;
    const auto waiting = IsWaiting(transaction_, item);
    if (!waiting) return waiting.error();
    if (*waiting) continue;
    if (++outcome_.quarantined > kMaxFloorsQuarantined) {
      return Failure(Reason::kCounterLimit,
                     "more than " + std::to_string(kMaxFloorsQuarantined) +
                         " numbers are further above what is known than the limit of " +
                         std::to_string(jump_));
    }
    if (auto put = QuarantineFloor(transaction_, item, environment_); !put) {
      return std::move(put).error();
    }
  }
  if (held_.empty()) return Done{};
  held_.clear();
  return Stop(device);
}

// P1: a number that was not believed may be true. Until two operators have looked at it, nothing is
// signed for the device and no counter is given out for it, whatever a feed says of its cells.
Status Merger::Stop(Eui64 device) {
  const std::string subject = device.Hyphenated();
  const Bytes key = KeyOf(SuspensionScope::kDevice, subject);
  const auto known = transaction_.Get(Table::kSuspensions, key);
  if (!known) return known.error();
  if (known->has_value()) return Done{};
  stopped_.push_back({.scope = SuspensionScope::kDevice,
                      .subject = subject,
                      .authority = "import of counters: a number above the limit is in quarantine",
                      .by = wish_.operator_name,
                      .since = wish_.at,
                      .lift_by = {}});
  return Done{};
}

audit::Entry EntryOf(const ImportWish& wish, const std::optional<OperatorWord>& first) {
  audit::Entry entry("operator", wish.at);
  entry.Set("act", acts::kCountersImport)
      .Set("source_store", ToHex(wish.head.store))
      .Set("sha256", ToHex(wish.sha256))
      .Set("checkpoint_key_sha256", ToHex(wish.key_sha256))
      .Set("tree_size", std::to_string(wish.head.tree_size))
      .Set("root", ToHex(wish.head.root))
      .Set("fenced", wish.fenced)
      .Set("operators", NamesOf(first, wish.operator_name))
      .Set("complete", first.has_value());
  return entry;
}

Result<CountersImport> Carry(WriteTransaction& transaction, const ImportWish& wish,
                             const CountersSource& next, const OperatorWord& first,
                             const OpenSettings& settings, Environment environment) {
  const auto fence = ReadSetting(transaction, Setting::kFence, DecodeFence);
  if (!fence) return fence.error();
  Merger merger(transaction, wish, settings, environment, *fence);
  while (true) {  // ends with the source, whose file has a limit
    const auto row = next();
    if (!row) return row.error();
    if (!row->has_value()) break;
    if (Status added = merger.Add(**row); !added) return std::move(added).error();
  }
  CountersImport outcome = merger.outcome();
  outcome.complete = true;
  outcome.suspended = merger.stopped().size();
  audit::Entry entry = EntryOf(wish, first);
  entry.Set("rows", std::to_string(outcome.rows))
      .Set("changed", std::to_string(outcome.changed))
      .Set("not_known", std::to_string(outcome.not_known_count))
      .Set("quarantined", std::to_string(outcome.quarantined))
      .Set("suspended", std::to_string(outcome.suspended));
  const auto receipt = AppendEntry(transaction, entry, environment);
  if (!receipt) return receipt.error();
  outcome.receipt = *receipt;
  if (!merger.stopped().empty()) {
    // R-SEC3-56: on the record as every order is, so that a recovery knows of it too.
    const auto stopped = StoreSuspensions(transaction, merger.stopped(), wish.at, environment);
    if (!stopped) return stopped.error();
  }
  if (Status used = UseFirstWord(transaction, AgreedAct::kCountersImport, wish.sha256); !used) {
    return std::move(used).error();
  }
  if (Status raised = RaiseTrustGeneration(transaction); !raised) return std::move(raised).error();
  return outcome;
}

}  // namespace

Result<CountersImport> AgreeOnImport(WriteTransaction& transaction, const ImportWish& wish,
                                     const CountersSource& next, const OpenSettings& settings,
                                     Environment environment) {
  // P8.
  if (wish.head.environment != environment) {
    return Failure(Reason::kEnvironment, "the export is of environment " +
                                             std::string(Name(wish.head.environment)) +
                                             ", this box is of " + std::string(Name(environment)));
  }
  const OperatorWord word{wish.at, wish.operator_name, wish.operator_key};
  const auto first = FindFirstWord(transaction, AgreedAct::kCountersImport, wish.sha256, word);
  if (!first) return first.error();
  transaction.DemandAnchor();
  if (first->has_value()) return Carry(transaction, wish, next, **first, settings, environment);

  CountersImport outcome;
  const auto receipt = AppendEntry(transaction, EntryOf(wish, {}), environment);
  if (!receipt) return receipt.error();
  outcome.receipt = *receipt;
  Status kept = KeepFirstWord(transaction, AgreedAct::kCountersImport, wish.sha256, word);
  if (!kept) return std::move(kept).error();
  return outcome;
}

}  // namespace acb::store
