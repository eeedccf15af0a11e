#include "store/pending.h"

#include <string>

#include "firmware/holder_text.h"
#include "store/audit_log.h"
#include "store/fields.h"
#include "store/reading.h"

namespace acb::store {
namespace {

constexpr RemotePartyRole kRoles[] = {RemotePartyRole::kSupplier,
                                      RemotePartyRole::kNetworkOperator};

bool Replaces(const PendingRow& row, RemotePartyRole role) {
  return role == RemotePartyRole::kSupplier ? row.supplier : row.network_operator;
}

struct Parties {
  Eui64 device{0};
  Eui64 originator{0};
  std::uint64_t counter = 0;
};
Parties NameOf(BytesView key) {
  ByteReader in(key);
  const Eui64 device(in.U64());
  const Eui64 originator(in.U64());
  return {device, originator, in.U64()};
}

audit::Entry ExpiredEntry(const Parties& name, const PendingRow& row, const CountersRow& before,
                          UtcTime at) {
  audit::List cells;
  for (const RemotePartyRole role : kRoles) {
    if (!row.future_dated || !Replaces(row, role)) continue;
    audit::Object cell{{"role", acb::Name(role)},
                       {"result", "expired"},
                       {"before", HolderText(*before.Find(role))},
                       {"after", "unknown"}};
    cells.emplace_back(std::move(cell));
  }
  audit::Entry entry("observed", at);
  entry.Set("device", name.device.Hyphenated())
      .Set("originator", name.originator.Hyphenated())
      .Set("originator_counter", std::to_string(name.counter))
      .Set("message_code", ToHex(ByteWriter().U16(row.message_code).bytes()))
      .Set("stage", "expired")
      .Set("cells", std::move(cells))
      .Set("last_issued", std::to_string(before.last_issued))
      .Set("command_sha256", ToHex(row.command))
      .Set("explanation", "no outcome of the command came");
  return entry;
}

// A number of before that is released from quarantine does not make the cell certain again.
Status MarkForgotten(WriteTransaction& transaction, const Parties& name, const PendingRow& row,
                     std::uint64_t index) {
  for (const RemotePartyRole role : kRoles) {
    if (!Replaces(row, role)) continue;
    const Bytes key = KeyOfObserved(name.device, role, name.originator);
    const auto found = Find(transaction, Table::kObserved, key, DecodeObserved);
    if (!found) return found.error();
    ObservedRow moved;
    moved.on_receipt = false;
    if (found->has_value()) moved = **found;
    moved.command = row.command;
    moved.response = {};
    moved.audit_index = index;
    moved.unexplained.reset();
    if (Status put = transaction.Put(Table::kObserved, key, EncodeObserved(moved)); !put) {
      return put;
    }
  }
  return Done{};
}

}  // namespace

Status PutPending(WriteTransaction& transaction, const PendingCommand& command) {
  Status put = transaction.Put(Table::kPending, command.key, EncodePending(command.row));
  return put ? transaction.Put(Table::kPendingDue, KeyOfDue(command.row.due, command.key), {})
             : put;
}

Status DeletePending(WriteTransaction& transaction, const PendingCommand& command) {
  Status gone = transaction.Delete(Table::kPending, command.key);
  return gone ? transaction.Delete(Table::kPendingDue, KeyOfDue(command.row.due, command.key))
              : gone;
}

Result<std::vector<PendingCommand>> FindOverdue(const Transaction& transaction, Eui64 device,
                                                UtcTime at) {
  std::vector<PendingCommand> overdue;
  std::size_t looked = 0;
  Status walked =
      transaction.Walk(Table::kPending, KeyOf(device), KeyOf(device),
                       [&](BytesView key, BytesView payload) -> Result<bool> {
                         const auto row = DecodePending(payload);
                         if (!row)
                           return Damaged(Table::kPending, key, "does not have the table's form");
                         if (row->due < at) overdue.push_back({ToBytes(key), *row});
                         return ++looked < kMaxOverdue;
                       });
  if (!walked) return std::move(walked).error();
  return overdue;
}

Result<std::vector<PendingCommand>> FindLongestOverdue(const Transaction& transaction, UtcTime at) {
  std::vector<PendingCommand> overdue;
  Status walked =
      transaction.Walk(Table::kPendingDue, {}, {}, [&](BytesView due, BytesView) -> Result<bool> {
        ByteReader in(due);
        if (!(Unbiased(in.U64()) < at)) return false;
        const Bytes key = ToBytes(in.rest());
        const auto row = Find(transaction, Table::kPending, key, DecodePending);
        if (!row) return row.error();
        if (!row->has_value()) return Damaged(Table::kPending, key, "is missing");
        overdue.push_back({key, **row});
        return overdue.size() < kMaxSwept;
      });
  if (!walked) return std::move(walked).error();
  return overdue;
}

void ForgetCellsOf(const PendingRow& row, CountersRow& counters) {
  for (const RemotePartyRole role : kRoles) {
    if (!row.future_dated || !Replaces(row, role)) continue;
    counters.Find(role)->holder = CellState::Holder::kUnknown;
    counters.Find(role)->party = Eui64(0);
  }
}

Status Expire(WriteTransaction& transaction, const PendingCommand& command, UtcTime at,
              Environment environment) {
  const Parties name = NameOf(command.key);
  auto counters = FindCurrentCounters(transaction, name.device);
  if (!counters) return std::move(counters).error();
  if (!counters->has_value()) {
    return Damaged(Table::kPending, command.key, "is of a device that is not known");
  }
  const auto receipt =
      AppendEntry(transaction, ExpiredEntry(name, command.row, **counters, at), environment);
  if (!receipt) return receipt.error();
  if (command.row.future_dated) {
    ForgetCellsOf(command.row, **counters);
    Status put = transaction.Put(Table::kCounters, KeyOf(name.device), EncodeCounters(**counters));
    if (put) put = MarkForgotten(transaction, name, command.row, receipt->index);
    if (!put) return put;
  }
  return DeletePending(transaction, command);
}

Status CheckNothingOverdue(const Transaction& transaction, Eui64 device, RemotePartyRole role,
                           UtcTime at) {
  const auto overdue = FindOverdue(transaction, device, at);
  if (!overdue) return overdue.error();
  for (const PendingCommand& one : *overdue) {
    if (!one.row.future_dated || !Replaces(one.row, role)) continue;
    return Failure(Reason::kCellUnknown,
                   "the outcome of a future dated command for this cell is overdue");
  }
  return Done{};
}

}  // namespace acb::store
