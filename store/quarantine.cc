#include "store/quarantine.h"

#include <algorithm>

#include "store/acts.h"
#include "store/agreements.h"
#include "store/audit_log.h"
#include "store/feeds.h"
#include "store/observed_rows.h"
#include "store/reading.h"

namespace acb::store {
namespace {

constexpr std::size_t kMaxOperator = 255;
constexpr std::size_t kMaxWhy = 1024;

// Bits of the flags octet.
constexpr std::uint8_t kHasFloor = 1;
constexpr std::uint8_t kIsForAcb = 2;
constexpr std::uint8_t kIsIssued = 4;

Bytes PrefixOfHeld(Eui64 device, RemotePartyRole role) {
  return ByteWriter().U64(device.value()).U8(static_cast<std::uint8_t>(role)).bytes();
}
// P1: a counter that the ACB used stops every cell of the device.
Bytes PrefixOfNumber(const QuarantinedItem& item) {
  return ByteWriter()
      .Raw(PrefixOfHeld(item.device,
                        item.issued ? RemotePartyRole::kAccessControlBroker : item.role))
      .U64(item.floor ? item.floor->value() : 0)
      .bytes();
}
Bytes KeyOfHeld(const QuarantinedItem& item) {
  return ByteWriter().Raw(PrefixOfNumber(item)).U64(item.id).bytes();
}

std::string_view Name(QuarantineAct act) {
  return act == QuarantineAct::kRelease ? acts::kQuarantineRelease : acts::kQuarantineDelete;
}

AgreedAct AgreedActOf(QuarantineAct act) {
  return act == QuarantineAct::kRelease ? AgreedAct::kQuarantineRelease
                                        : AgreedAct::kQuarantineDelete;
}

Result<QuarantinedItem> FindItem(const Transaction& transaction, std::uint64_t id) {
  const Bytes key = KeyOf(id);
  const auto payload = transaction.Get(Table::kQuarantine, key);
  if (!payload) return payload.error();
  if (!payload->has_value()) {
    return Failure(Reason::kNotFound, "nothing is in quarantine under " + std::to_string(id));
  }
  auto item = DecodeQuarantined(key, **payload);
  if (!item) return Damaged(Table::kQuarantine, key, "does not have the table's form");
  return *std::move(item);
}

audit::Entry EntryOf(std::string_view kind, const QuarantinedItem& item, UtcTime at) {
  audit::Entry entry(kind, at);
  entry.Set("quarantine", std::to_string(item.id))
      .Set("device", item.device.Hyphenated())
      .Set("role", acb::Name(item.role));
  if (item.request) entry.Set("request_id", item.request->Text());
  if (item.floor) entry.Set("floor", std::to_string(item.floor->value()));
  if (item.issued) entry.Set("issued", true);
  return entry;
}

Result<Agreement> FirstOfTwo(WriteTransaction& transaction, QuarantinedItem item, QuarantineAct act,
                             const OperatorWord& word, Environment environment) {
  audit::Entry entry = EntryOf("operator", item, word.at);
  entry.Set("act", Name(act)).Set("operators", audit::List{word.operator_name});
  entry.Set("complete", false);
  const auto receipt = AppendEntry(transaction, entry, environment);
  if (!receipt) return receipt.error();
  // A first word for the other act is taken back by this one.
  const AgreedAct other = AgreedActOf(act == QuarantineAct::kRelease ? QuarantineAct::kDelete
                                                                     : QuarantineAct::kRelease);
  Status said = UseFirstWord(transaction, other, KeyOf(item.id));
  if (said) said = KeepFirstWord(transaction, AgreedActOf(act), KeyOf(item.id), word);
  if (!said) return std::move(said).error();
  item.first_act = act;
  item.first_operator = word.operator_name;
  Status put = transaction.Put(Table::kQuarantine, KeyOf(item.id), EncodeQuarantined(item));
  if (!put) return std::move(put).error();
  transaction.DemandAnchor();
  return Agreement{
      .complete = false, .item = std::move(item), .request_octets = {}, .receipt = *receipt};
}

// The RequestID is open again for its own octets: the counter is taken at release (R-NOW-11).
Status Reopen(WriteTransaction& transaction, const QuarantinedItem& item, Bytes& octets) {
  auto row = FindRequestRow(transaction, *item.request);
  if (!row) return std::move(row).error();
  if (!row->has_value() || (*row)->request.state != StoredRequest::State::kQuarantined) {
    return Damaged(Table::kRequests, item.request->Key(), "is not in quarantine as it should be");
  }
  auto found = transaction.Get(Table::kEvidence, (*row)->request.body);
  if (!found) return std::move(found).error();
  const auto fence = ReadSetting(transaction, Setting::kFence, DecodeFence);
  if (!fence) return fence.error();
  // A recovery finds in the log what waited; its octets went with the disk, and come once more.
  if (!found->has_value() && item.id >= fence->recovered_at) {
    return Damaged(Table::kEvidence, (*row)->request.body, "of a quarantined request is missing");
  }
  if (found->has_value()) octets = **std::move(found);
  (*row)->request.state = StoredRequest::State::kAbandoned;
  (*row)->request.released = true;
  return transaction.Put(Table::kRequests, item.request->Key(), EncodeRequest(**row));
}

Status Refuse(WriteTransaction& transaction, const QuarantinedItem& item,
              const audit::Receipt& receipt) {
  auto row = FindRequestRow(transaction, *item.request);
  if (!row) return std::move(row).error();
  if (!row->has_value()) {
    return Damaged(Table::kRequests, item.request->Key(), "of a quarantined request is missing");
  }
  (*row)->request.state = StoredRequest::State::kRefused;
  (*row)->request.reason = Reason::kDeletedByOperators;
  (*row)->request.explanation = item.why;
  (*row)->request.audit = receipt;
  return transaction.Put(Table::kRequests, item.request->Key(), EncodeRequest(**row));
}

void RaiseIssued(WriteTransaction& transaction, const QuarantinedItem& item, CountersRow& row) {
  const std::uint64_t issued = item.floor ? item.floor->value() : 0;
  if (issued <= row.last_issued) return;
  transaction.NoteMove(issued - row.last_issued);
  row.last_issued = issued;
}

// R-128-21: applied as any other number is: it only rises. Where an observation said that the cell
// is the ACB's, it is so from now on, unless something newer was observed of it. A counter that the
// ACB used is spent for every cell (P1).
Status ApplyFloor(WriteTransaction& transaction, const QuarantinedItem& item) {
  auto row = FindCurrentCounters(transaction, item.device);
  if (!row) return std::move(row).error();
  if (!row->has_value()) return Failure(Reason::kDeviceUnknown);
  const bool of_acb = item.role == RemotePartyRole::kAccessControlBroker;
  CellState* cell = (*row)->Find(item.role);
  if (cell == nullptr && !of_acb) return Failure(Reason::kDeviceUnknown);
  if (of_acb || item.issued) RaiseIssued(transaction, item, **row);
  if (cell != nullptr) cell->floor = std::max(cell->floor, item.floor);
  const auto may = MayMakeAcbs(transaction, item);
  if (!may) return may.error();
  if (cell != nullptr && *may && cell->holder == CellState::Holder::kUnknown) {
    const auto newer = ObservedSince(transaction, item.device, item.role, item.id);
    if (!newer) return newer.error();
    if (!*newer) cell->holder = CellState::Holder::kAcb;
  }
  return transaction.Put(Table::kCounters, KeyOf(item.device), EncodeCounters(**row));
}

Status Carry(WriteTransaction& transaction, const Agreement& done, QuarantineAct act,
             Bytes& octets) {
  const QuarantinedItem& item = done.item;
  if (item.request) {
    return act == QuarantineAct::kRelease ? Reopen(transaction, item, octets)
                                          : Refuse(transaction, item, done.receipt);
  }
  if (act == QuarantineAct::kDelete) return Done{};
  if (Status applied = ApplyFloor(transaction, item); !applied) return applied;
  return RaiseTrustGeneration(transaction);
}

}  // namespace

Status PutHeld(WriteTransaction& transaction, const QuarantinedItem& item) {
  Status put = transaction.Put(Table::kQuarantine, KeyOf(item.id), EncodeQuarantined(item));
  return put ? transaction.Put(Table::kHeld, KeyOfHeld(item), {}) : put;
}

Status TakeOut(WriteTransaction& transaction, const QuarantinedItem& item) {
  Status gone = transaction.Delete(Table::kQuarantine, KeyOf(item.id));
  if (!gone || item.request) return gone;
  return transaction.Delete(Table::kHeld, KeyOfHeld(item));
}

Status CheckQuarantineRoom(const Transaction& transaction) {
  const auto count = transaction.Count(Table::kQuarantine);
  if (!count) return count.error();
  if (*count < kMaxQuarantined) return Done{};
  return Failure(Reason::kBusy, "the quarantine is full: operators have to look at it first");
}

Status CheckNothingHeld(const Transaction& transaction, Eui64 device, RemotePartyRole role) {
  for (const RemotePartyRole held : {role, RemotePartyRole::kAccessControlBroker}) {
    const Bytes prefix = PrefixOfHeld(device, held);
    bool found = false;
    Status walked =
        transaction.Walk(Table::kHeld, prefix, prefix, [&](BytesView, BytesView) -> Result<bool> {
          found = true;
          return false;
        });
    if (!walked) return walked;
    if (found) {
      return Failure(Reason::kCounterUnknown,
                     "a number for this cell waits in quarantine for two operators");
    }
  }
  return Done{};
}

Result<bool> MayMakeAcbs(const Transaction& transaction, const QuarantinedItem& item) {
  if (!item.for_acb) return false;
  const auto fence = ReadSetting(transaction, Setting::kFence, DecodeFence);
  if (!fence) return fence.error();
  return item.id >= fence->recovered_at;
}

// Of the same number there are few of each recovery: for the ACB or not, issued or not.
Result<bool> IsWaiting(const Transaction& transaction, const QuarantinedItem& item) {
  const Bytes prefix = PrefixOfNumber(item);
  bool waiting = false;
  Status walked =
      transaction.Walk(Table::kHeld, prefix, prefix, [&](BytesView key, BytesView) -> Result<bool> {
        ByteReader name(key);
        name.Raw(prefix.size());
        const std::uint64_t id = name.U64();
        if (!name.Finished()) return Damaged(Table::kHeld, key, "does not have the table's form");
        const auto other = FindItem(transaction, id);
        if (!other) {
          if (other.error().reason != Reason::kNotFound) return other.error();
          return Damaged(Table::kQuarantine, KeyOf(id), "of a held number is missing");
        }
        const auto as_good = item.for_acb ? MayMakeAcbs(transaction, *other) : Result<bool>(true);
        if (!as_good) return as_good.error();
        const bool same_cell = other->role == item.role && (other->issued || !item.issued);
        // Of any cell: its release spends the number for all of them, which is all that role ACB
        // asks for.
        const bool spends = item.role == RemotePartyRole::kAccessControlBroker && other->issued;
        waiting = *as_good && (same_cell || spends);
        return !waiting;
      });
  if (!walked) return std::move(walked).error();
  return waiting;
}

Bytes EncodeQuarantined(const QuarantinedItem& item) {
  ByteWriter out;
  out.U8(item.request ? 1 : 0);
  if (item.request) out.Raw(item.request->Key());
  out.U64(item.device.value()).U8(static_cast<std::uint8_t>(item.role));
  out.U8(static_cast<std::uint8_t>((item.floor ? kHasFloor : 0) | (item.for_acb ? kIsForAcb : 0) |
                                   (item.issued ? kIsIssued : 0)));
  out.U64(item.floor ? item.floor->value() : 0);
  out.U64(static_cast<std::uint64_t>(item.since.milliseconds()));
  out.U8(item.first_act ? static_cast<std::uint8_t>(*item.first_act) : 0);
  const std::string_view who = std::string_view(item.first_operator).substr(0, kMaxOperator);
  out.U8(static_cast<std::uint8_t>(who.size())).Raw(AsBytes(who));
  out.Raw(AsBytes(std::string_view(item.why).substr(0, kMaxWhy)));
  return std::move(out).bytes();
}

std::optional<QuarantinedItem> DecodeQuarantined(BytesView key, BytesView payload) {
  ByteReader name(key);
  QuarantinedItem item;
  item.id = name.U64();
  ByteReader in(payload);
  if (in.U8() != 0) {
    item.request = DecodeRequestId(in.Raw(RequestId::kKeyOctets));
    if (!item.request) return {};
  }
  item.device = Eui64(in.U64());
  item.role = static_cast<RemotePartyRole>(in.U8());
  const std::uint8_t flags = in.U8();
  item.for_acb = (flags & kIsForAcb) != 0;
  item.issued = (flags & kIsIssued) != 0;
  const std::uint64_t floor = in.U64();
  if ((flags & kHasFloor) != 0) item.floor = FloorSeqNumber::From(floor);
  item.since = UtcTime(static_cast<std::int64_t>(in.U64()));
  const std::uint8_t act = in.U8();
  if (act > static_cast<std::uint8_t>(QuarantineAct::kDelete)) return {};
  if (act != 0) item.first_act = static_cast<QuarantineAct>(act);
  const std::uint8_t size = in.U8();
  item.first_operator = AsText(in.Raw(size));
  if (!in.ok() || !name.Finished()) return {};
  item.why = AsText(in.rest());
  return item;
}

Result<audit::Receipt> StoreQuarantined(WriteTransaction& transaction, const RefusedAnswer& answer,
                                        RemotePartyRole role) {
  if (Status room = CheckQuarantineRoom(transaction); !room) return std::move(room).error();
  const auto receipt = StoreAnswered(transaction, answer, StoredRequest::State::kQuarantined, role);
  if (!receipt) return receipt;
  QuarantinedItem item;
  item.id = receipt->index;
  item.request = answer.request;
  item.device = answer.request.target;
  item.role = role;
  item.since = answer.at;
  item.why = answer.why.explanation;
  Status put = transaction.Put(Table::kQuarantine, KeyOf(item.id), EncodeQuarantined(item));
  if (!put) return std::move(put).error();
  return receipt;
}

Result<audit::Receipt> QuarantineFloor(WriteTransaction& transaction, const QuarantinedItem& item,
                                       Environment environment) {
  if (Status room = CheckQuarantineRoom(transaction); !room) return std::move(room).error();
  QuarantinedItem kept = item;
  audit::Entry entry("quarantined", item.since);
  entry.Set("device", item.device.Hyphenated())
      .Set("role", acb::Name(item.role))
      .Set("floor", std::to_string(item.floor ? item.floor->value() : 0))
      .SealIfAny("explanation", item.why);
  if (item.issued) entry.Set("issued", true);
  const auto receipt = AppendEntry(transaction, entry, environment);
  if (!receipt) return receipt;
  kept.id = receipt->index;
  if (Status put = PutHeld(transaction, kept); !put) return std::move(put).error();
  return receipt;
}

Result<Agreement> Agree(WriteTransaction& transaction, std::uint64_t id, QuarantineAct act,
                        const OperatorWord& word, Environment environment) {
  auto item = FindItem(transaction, id);
  if (!item) return std::move(item).error();
  const auto first = FindFirstWord(transaction, AgreedActOf(act), KeyOf(id), word);
  if (!first) return first.error();
  if (!first->has_value()) {
    return FirstOfTwo(transaction, *std::move(item), act, word, environment);
  }
  audit::Entry entry =
      EntryOf(act == QuarantineAct::kRelease ? "released" : "operator", *item, word.at);
  entry.Set("act", Name(act))
      .Set("operators", NamesOf(*first, word.operator_name))
      .Set("complete", true);
  const auto receipt = AppendEntry(transaction, entry, environment);
  if (!receipt) return receipt.error();
  Agreement done{
      .complete = true, .item = *std::move(item), .request_octets = {}, .receipt = *receipt};
  if (Status used = UseFirstWord(transaction, AgreedActOf(act), KeyOf(id)); !used) {
    return std::move(used).error();
  }
  Bytes octets;
  if (Status carried = Carry(transaction, done, act, octets); !carried) {
    return std::move(carried).error();
  }
  done.request_octets = std::move(octets);
  if (Status gone = TakeOut(transaction, done.item); !gone) return std::move(gone).error();
  transaction.DemandAnchor();
  return done;
}

Result<std::vector<QuarantinedItem>> ListQuarantined(const Transaction& transaction,
                                                     std::uint64_t from, std::uint64_t count,
                                                     std::optional<UtcTime> now) {
  std::vector<QuarantinedItem> items;
  Status walked = transaction.Walk(
      Table::kQuarantine, KeyOf(from), {}, [&](BytesView key, BytesView payload) -> Result<bool> {
        if (items.size() >= count) return false;
        auto item = DecodeQuarantined(key, payload);
        if (!item) return Damaged(Table::kQuarantine, key, "does not have the table's form");
        items.push_back(*std::move(item));
        return true;
      });
  if (!walked) return std::move(walked).error();
  for (QuarantinedItem& item : items) {
    if (!now || !item.first_act) continue;
    const auto waits = WordWaits(transaction, AgreedActOf(*item.first_act), KeyOf(item.id),
                                 item.first_operator, *now);
    if (!waits) return waits.error();
    if (*waits) continue;
    item.first_act.reset();
    item.first_operator.clear();
  }
  return items;
}

}  // namespace acb::store
