#include "store/replay.h"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <limits>

#include "firmware/keys/register.h"
#include "firmware/smki/key_identifier.h"
#include "store/acts.h"
#include "store/audit_log.h"
#include "store/elsewhere.h"
#include "store/key_operations.h"
#include "store/observed_rows.h"
#include "store/quarantine.h"
#include "store/suspensions.h"
#include "store/trust_changes.h"

namespace acb::store {
namespace {

// Named in one report: an operator reads them.
constexpr std::size_t kMaxNamed = 1'000;

// Of one feed by one recovery: each has to come again.
constexpr std::uint64_t kMaxLostImports = 1'000'000;

// Kinds that say nothing of counters, cells or RequestIDs.
constexpr std::string_view kNoEffect[] = {"stop", "provision", "configuration", "alarm",
                                          "checkpoint"};

// Acts that change nothing but numbers, if anything: those of Numbers, and the first words.
constexpr std::string_view kOtherActs[] = {acts::kQuarantineRelease, acts::kQuarantineDelete,
                                           acts::kCounterRaise, acts::kCountersImport};

Failure Unusable(const boost::json::object& entry, std::string_view what) {
  return Failure(Reason::kBackupDamaged, "audit entry " + std::string(EntryText(entry, "index")) +
                                             " (" + std::string(EntryText(entry, "kind")) + ") " +
                                             std::string(what));
}

bool IsTrue(const boost::json::object& entry, std::string_view name) {
  const auto* value = entry.if_contains(name);
  return value != nullptr && value->is_bool() && value->get_bool();
}

std::optional<std::uint64_t> NumberOf(const boost::json::object& entry, std::string_view name) {
  return ParseDecimal(EntryText(entry, name));
}

std::optional<RemotePartyRole> RoleOf(const boost::json::object& entry) {
  for (const auto role : {RemotePartyRole::kSupplier, RemotePartyRole::kNetworkOperator}) {
    if (EntryText(entry, "role") == acb::Name(role)) return role;
  }
  return {};
}

std::optional<Sha256Digest> DigestOf(const boost::json::object& entry, std::string_view name) {
  const auto octets = FromHex(EntryText(entry, name));
  Sha256Digest digest{};
  if (!octets || octets->size() != digest.size()) return {};
  std::ranges::copy(*octets, digest.begin());
  return digest;
}

// A store from before the first ceremony has none.
Result<keys::Register> ReadKeys(const Transaction& transaction) {
  const auto kept = transaction.Get(Table::kSettings, KeyOf(Setting::kKeys));
  if (!kept) return kept.error();
  return kept->has_value() ? keys::Register::Parse(AsText(**kept)) : keys::Register();
}

AcbKeyId IdOf(const PublicPoint& point) {
  const Bytes identifier = smki::KeyIdentifier(point);
  return AcbKeyId{ByteReader(identifier).U64()};
}

// Names up to a bound; what is beyond it is said by the bound itself.
void Note(std::set<std::string, std::less<>>& names, std::string name) {
  if (names.size() < kMaxNamed) names.insert(std::move(name));
}

// "acb", an EUI-64, or anything else: unknown.
void SetHolder(CellState& cell, std::string_view after) {
  const auto party = Eui64::FromText(after);
  cell.holder = after == "acb" ? CellState::Holder::kAcb
                : party        ? CellState::Holder::kParty
                               : CellState::Holder::kUnknown;
  cell.party = party.value_or(Eui64(0));
}

// Of a request, for good or until it is asked again.
bool IsDecision(const boost::json::object& entry, std::string_view kind) {
  return kind == "signed" || kind == "abandoned" || (kind == "refused" && IsTrue(entry, "final"));
}

// What it waits for; of a name not known here the usual one.
Reason ReasonOf(const boost::json::object& entry) {
  const auto named = std::ranges::find(AllReasons(), EntryText(entry, "reason"), &ReasonInfo::name);
  return named == AllReasons().end() ? Reason::kVolumeExceeded : named->reason;
}

// Entries of before do not tell it: then it is not known whose pair, as in a devices file.
void SetAcbKey(CellState& cell, std::string_view key) {
  cell.acb_key.reset();
  const auto octets = FromHex(key);
  if (octets && octets->size() == sizeof(AcbKeyId)) {
    cell.acb_key = AcbKeyId{ByteReader(*octets).U64()};
  }
}

void RaiseTo(CellState& cell, std::uint64_t floor) {
  cell.floor = std::max(cell.floor, FloorSeqNumber::From(std::min(floor, kMaxSeqNumber)));
}

}  // namespace

std::string_view EntryText(const boost::json::object& entry, std::string_view name) {
  const auto* value = entry.if_contains(name);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string())
                                                : std::string_view();
}

// A device that no feed has brought yet gets a row all the same: when one brings it, its counters
// go on above what the log says.
Result<CountersRow> Replay::RowOf(Eui64 device) {
  const auto found = FindCurrentCounters(transaction_, device);
  if (!found) return found.error();
  CountersRow row;
  if (found->has_value()) {
    row = **found;
  } else {
    const auto fence = ReadSetting(transaction_, Setting::kFence, DecodeFence);
    if (!fence) return fence.error();
    row.raise = fence->raise;
  }
  if (!proven_) before_.try_emplace(device, row);
  return row;
}

// P1: a number was issued above the raise that was in force then, as each start and recovery names
// it. Were it written under that of the restored store, what is above it would hang on which backup
// that was.
Status Replay::RaiseFence(const boost::json::object& entry) {
  auto fence = ReadSetting(transaction_, Setting::kFence, DecodeFence);
  if (!fence) return std::move(fence).error();
  const std::uint64_t raise = NumberOf(entry, "raise").value_or(0);
  const std::uint64_t base = NumberOf(entry, "base").value_or(0);
  if (!proven_) {
    // As it was before: nothing lowers a raise that the token has, so that steps that add up would
    // leave no counter for good.
    if (!fence_before_) fence_before_ = *fence;
    const std::uint64_t known_raise = std::max(fence_before_->raise, top_.raise);
    const std::uint64_t known_base = std::max(fence_before_->base, top_.base);
    const bool far = (raise > known_raise && raise - known_raise > jump_) ||
                     (base > known_base && base - known_base > jump_);
    if (far) {
      return Unusable(entry, "names a raise or base more than " + std::to_string(jump_) +
                                 " above this store's, and no anchor proves it");
    }
    unproven_raise_ = std::max(unproven_raise_, raise);
  }
  raise_ = std::max(raise_, raise);
  base_ = std::max(base_, base);
  fence->raise = std::max(fence->raise, raise_);
  fence->base = std::max(fence->base, base_);
  return transaction_.Put(Table::kSettings, KeyOf(Setting::kFence), EncodeFence(*fence));
}

Result<std::vector<Replay::Raised>> Replay::Taken() const {
  std::vector<Raised> raised;
  for (const auto& [device, before] : before_) {
    const auto found = FindCurrentCounters(transaction_, device);
    if (!found) return found.error();
    if (!found->has_value()) continue;
    const CountersRow& row = **found;
    if (row.last_issued > before.last_issued) raised.push_back({device, {}, row.last_issued});
    for (const auto role : {RemotePartyRole::kSupplier, RemotePartyRole::kNetworkOperator}) {
      const auto floor = row.Find(role)->floor;
      const auto earlier = before.Find(role)->floor;
      if (floor && (!earlier || *earlier < *floor)) {
        raised.push_back({device, role, floor->value()});
      }
    }
  }
  return raised;
}

// reliability.md section 1: one value near 2^63 would block the device for ever. What the anchored
// tree proves was judged when it was written.
Status Replay::CheckJump(const boost::json::object& entry, Eui64 device,
                         std::uint64_t value) const {
  const auto before = before_.find(device);
  if (proven_ || before == before_.end()) return Done{};
  const CountersRow& row = before->second;  // steps that add up get no further than one
  const auto fence = ReadSetting(transaction_, Setting::kFence, DecodeFence);
  if (!fence) return fence.error();
  std::uint64_t greatest = std::max(row.last_issued, fence->base);
  for (const CellState* cell : {&row.supplier, &row.network_operator}) {
    if (cell->floor) greatest = std::max(greatest, cell->floor->value());
  }
  if (value <= greatest || value - greatest <= jump_) return Done{};
  return Unusable(entry, "has the number " + std::to_string(value) + ", more than " +
                             std::to_string(jump_) + " above the greatest known of the device, " +
                             std::to_string(greatest) + ", and no anchor proves it");
}

Status Replay::RaiseIssued(const boost::json::object& entry, std::string_view member) {
  const auto device = Eui64::FromText(EntryText(entry, "device"));
  const auto counter = NumberOf(entry, member);
  if (!device || !counter) return Unusable(entry, "names no device and counter");
  auto row = RowOf(*device);
  if (!row) return std::move(row).error();
  if (Status near = CheckJump(entry, *device, *counter); !near) return near;
  row->last_issued = std::max(row->last_issued, std::min(*counter, kMaxSeqNumber));
  return transaction_.Put(Table::kCounters, KeyOf(*device), EncodeCounters(*row));
}

// design.md section 4: an observed command of the ACB that was not given out here is an alarm, so
// what was given out has to be known again. Of a signed one the log tells the command's hash, and
// no other vouches for its counter. What was abandoned left no command; and of what no anchor
// proves an alarm too many is better than one too few.
Status Replay::GivenOut(const boost::json::object& entry, std::string_view kind) {
  if (!proven_ || kind == "abandoned") return Done{};
  const auto device = Eui64::FromText(EntryText(entry, "device"));
  const auto counter = NumberOf(entry, "originator_counter");
  if (!device || !counter) return Unusable(entry, "names no device and counter");
  ElsewhereRow row;
  row.at = UtcTime::FromIso(EntryText(entry, "time")).value_or(UtcTime(0));
  // Sealed, and the log that comes does not open it: only entries of old have it in the clear.
  row.purpose = EntryText(entry, "purpose").substr(0, kMaxName);
  if (kind == "signed") {
    row.command = DigestOf(entry, "command_sha256");
    if (!row.command) return Done{};  // an alarm, if it is seen
    row.purpose = "signed here";
  }
  return transaction_.Put(Table::kElsewhere, KeyOfElsewhere(*device, *counter),
                          EncodeElsewhere(row));
}

Status Replay::RaiseFloor(const boost::json::object& entry, std::string_view member) {
  // A number that came as issued and waited in quarantine (counters_import.cc).
  if (EntryText(entry, "role") == acb::Name(RemotePartyRole::kAccessControlBroker)) {
    return RaiseIssued(entry, member);
  }
  const auto device = Eui64::FromText(EntryText(entry, "device"));
  const auto floor = NumberOf(entry, member);
  const auto role = RoleOf(entry);
  if (!device || !floor || !role) return Unusable(entry, "names no cell and floor");
  auto row = RowOf(*device);
  if (!row) return std::move(row).error();
  if (Status near = CheckJump(entry, *device, *floor); !near) return near;
  RaiseTo(*row->Find(*role), *floor);
  return transaction_.Put(Table::kCounters, KeyOf(*device), EncodeCounters(*row));
}

// Without it the repeat of an older message would not be stale (R-128-21), and could make the cell
// the ACB's again. Entries of before `newest` tell less: of those that were held it is not known
// whether they moved the cell, nor whom the device named unexpectedly. Without that a late response
// may move the holder away from the ACB, never to it.
Status Replay::MarkNewest(const boost::json::object& entry, const boost::json::object& change,
                          Eui64 device, RemotePartyRole role) {
  const std::string_view result = EntryText(change, "result");
  const bool moved = change.contains("newest")
                         ? IsTrue(change, "newest")
                         : result == "success" || result == "partial" || result == "unordered" ||
                               (result == "quarantined" &&
                                EntryText(entry, "stage") == acb::Name(ObservedStage::kExecuted));
  const bool expired = result == "expired";
  if (!moved && !expired) return Done{};
  const auto originator = Eui64::FromText(EntryText(entry, "originator"));
  const auto counter = NumberOf(entry, "originator_counter");
  const auto index = NumberOf(entry, "index");
  const auto size = AuditSizeOf(transaction_);
  if (!size) return size.error();
  if (!originator || !counter || !index) return Unusable(entry, "names no message");
  const Bytes key = KeyOfObserved(device, role, *originator);
  const auto newest = Find(transaction_, Table::kObserved, key, DecodeObserved);
  if (!newest) return newest.error();
  ObservedRow row;
  row.on_receipt = false;
  if (newest->has_value()) row = **newest;
  // What comes after it would be stale for ever; its cells are forgotten instead.
  if (!CheckJump(entry, device, *counter)) return Done{};
  const auto at = UtcTime::FromIso(EntryText(entry, "time"));
  if (!expired) {
    NoteMoved(row, *counter, UtcTime::FromIso(EntryText(entry, "executed_at")),
              at.value_or(UtcTime(0)));
  }
  row.command = DigestOf(entry, "command_sha256").value_or(Sha256Digest{});
  row.response = DigestOf(entry, "response_sha256").value_or(Sha256Digest{});
  // An index of another log says nothing of the order in this one.
  row.audit_index = proven_ ? *index : *size;
  row.unexplained = Eui64::FromText(EntryText(change, "unexplained"));
  return transaction_.Put(Table::kObserved, key, EncodeObserved(row));
}

// Counters that were given out and had no entry of their own when this anchor passed them.
Status Replay::InFlight(const boost::json::object& entry) {
  const auto* given_out = entry.if_contains("unanswered");
  if (given_out == nullptr) return Done{};
  if (!given_out->is_array()) return Unusable(entry, "has no list of counters");
  for (const boost::json::value& item : given_out->get_array()) {
    if (!item.is_object()) return Unusable(entry, "has a counter that is none");
    if (Status raised = RaiseIssued(item.get_object(), "originator_counter"); !raised) {
      return raised;
    }
  }
  return Done{};
}

// Its "cells" tell what each cell became, and its "last_issued" what the ACB had issued by then.
Status Replay::Observed(const boost::json::object& entry) {
  const auto device = Eui64::FromText(EntryText(entry, "device"));
  if (!device) return Unusable(entry, "names no device");
  auto row = RowOf(*device);
  if (!row) return std::move(row).error();
  const auto issued = NumberOf(entry, "last_issued");
  const auto* cells = entry.if_contains("cells");
  if (!issued || cells == nullptr || !cells->is_array()) return ForgetCells(entry);
  if (Status near = CheckJump(entry, *device, *issued); !near) return near;
  row->last_issued = std::max(row->last_issued, std::min(*issued, kMaxSeqNumber));
  for (const boost::json::value& item : cells->get_array()) {
    if (!item.is_object()) return Unusable(entry, "has a cell that is none");
    const boost::json::object& change = item.get_object();
    const auto role = RoleOf(change);
    CellState* cell = role ? row->Find(*role) : nullptr;
    if (cell == nullptr) continue;
    SetHolder(*cell, EntryText(change, "after"));
    if (cell->holder == CellState::Holder::kAcb) SetAcbKey(*cell, EntryText(change, "acb_key"));
    if (const auto floor = NumberOf(change, "floor")) {
      if (Status near = CheckJump(entry, *device, *floor); !near) return near;
      RaiseTo(*cell, *floor);
    }
    if (Status marked = MarkNewest(entry, change, *device, *role); !marked) return marked;
  }
  return transaction_.Put(Table::kCounters, KeyOf(*device), EncodeCounters(*row));
}

// P5: "an answer that was lost with a disk put back to an earlier state is decided anew, with a
// greater counter": the RequestID is open for the same octets, and for no others.
Status Replay::Bind(const boost::json::object& entry) {
  const auto request = RequestId::FromText(EntryText(entry, "request_id"));
  if (!request) return Done{};
  auto row = FindRequestRow(transaction_, *request);
  if (!row) return std::move(row).error();
  const auto body = DigestOf(entry, "request_sha256");
  RequestRow bound;
  if (row->has_value()) {
    bound = **row;
    const auto state = bound.request.state;
    const bool answered =
        state == StoredRequest::State::kSigned || state == StoredRequest::State::kRefused;
    // Decided anew since the answer that this copy has: after a recovery of a copy that had lost
    // it. The later word is the one that stands.
    const bool later = bound.request.audit.index < NumberOf(entry, "index").value_or(0);
    if (!proven_ || (answered && !later)) return Done{};
    const auto waiting = transaction_.Get(Table::kUnanswered, KeyOf(request->target));
    if (!waiting) return waiting.error();
    if (waiting->has_value() && Equal(**waiting, EncodeRequestId(*request))) {
      Status gone = transaction_.Delete(Table::kUnanswered, KeyOf(request->target));
      if (!gone) return gone;
    }
  } else if (!body) {
    // An `abandoned` entry does not say of which octets: its reservation, made and lost with the
    // disk, is told by no entry. Its counter is taken in, and the RequestID is open.
    return Done{};
  }
  if (body) bound.request.body = *body;
  if (const auto role = RoleOf(entry)) bound.request.role = *role;
  if (const auto counter = NumberOf(entry, "originator_counter")) {
    bound.request.counter = OriginatorCounter::From(*counter);
  }
  bound.request.state = StoredRequest::State::kAbandoned;
  return transaction_.Put(Table::kRequests, request->Key(), EncodeRequest(bound));
}

Result<audit::Receipt> Replay::ReceiptOf(const boost::json::object& entry) const {
  const auto index = NumberOf(entry, "index");
  if (!index) return Unusable(entry, "has no index");
  const auto leaf = transaction_.Get(Table::kAuditLeaves, KeyOf(*index));
  if (!leaf) return leaf.error();
  audit::Receipt receipt{*index, {}};
  if (!leaf->has_value() || (*leaf)->size() != receipt.leaf.size()) {
    return Damaged(Table::kAuditLeaves, KeyOf(*index), "is missing");
  }
  std::ranges::copy(**leaf, receipt.leaf.begin());
  return receipt;
}

// What a retry gets, with the entry as its receipt. Not open: answered since, by the store's own
// word, which stands.
Result<bool> Replay::AnswerIfOpen(const boost::json::object& entry, const RequestId& id,
                                  StoredRequest::State state, const Failure& why) {
  auto row = FindRequestRow(transaction_, id);
  if (!row) return std::move(row).error();
  if (!row->has_value() || (*row)->request.state != StoredRequest::State::kAbandoned) return false;
  const auto receipt = ReceiptOf(entry);
  if (!receipt) return receipt.error();
  StoredRequest& request = (*row)->request;
  request.state = state;
  request.reason = why.reason;
  request.explanation = why.explanation;
  request.audit = *receipt;
  Status put = transaction_.Put(Table::kRequests, id.Key(), EncodeRequest(**row));
  if (!put) return std::move(put).error();
  return true;
}

// R-NOW-11: what waited for two operators waits for them again. For whom a number was the log does
// not tell: released, it raises, and makes no cell the ACB's (MayMakeAcbs).
Status Replay::IntoQuarantine(const boost::json::object& entry) {
  const auto index = NumberOf(entry, "index");
  const auto device = Eui64::FromText(EntryText(entry, "device"));
  const auto since = UtcTime::FromIso(EntryText(entry, "time"));
  if (!index || !device || !since) return Unusable(entry, "names no device and time");
  QuarantinedItem item;
  item.id = *index;
  item.device = *device;
  item.since = *since;
  item.why = "held before a recovery; audit entry " + std::to_string(*index) + " tells why";
  if (const auto role = RoleOf(entry)) item.role = *role;
  if (entry.contains("request_id")) return RequestIntoQuarantine(entry, item);
  if (EntryText(entry, "role") == acb::Name(RemotePartyRole::kAccessControlBroker)) {
    item.role = RemotePartyRole::kAccessControlBroker;
  }
  item.issued = IsTrue(entry, "issued");
  const auto floor = NumberOf(entry, "floor");
  item.floor = floor ? FloorSeqNumber::From(*floor) : std::nullopt;
  if (!item.floor) return Unusable(entry, "names no number");
  return PutHeld(transaction_, item);
}

Status Replay::RequestIntoQuarantine(const boost::json::object& entry, QuarantinedItem& item) {
  if (Status bound = Bind(entry); !bound) return bound;
  item.request = RequestId::FromText(EntryText(entry, "request_id"));
  if (!item.request) return Unusable(entry, "names no RequestID");
  const auto answered = AnswerIfOpen(entry, *item.request, StoredRequest::State::kQuarantined,
                                     Failure(ReasonOf(entry), item.why));
  if (!answered) return answered.error();
  if (!*answered) return Done{};
  return transaction_.Put(Table::kQuarantine, KeyOf(item.id), EncodeQuarantined(item));
}

// "Refuse it for good": a retry gets the operators' refusal.
Status Replay::DeletedFromQuarantine(const boost::json::object& entry) {
  if (Status bound = Bind(entry); !bound) return bound;
  if (Status out = OutOfQuarantine(entry); !out) return out;
  const auto id = RequestId::FromText(EntryText(entry, "request_id"));
  if (!id) return Done{};  // a number
  const auto answered =
      AnswerIfOpen(entry, *id, StoredRequest::State::kRefused,
                   Failure(Reason::kDeletedByOperators, "deleted before a recovery"));
  return answered ? Status(Done{}) : Status(answered.error());
}

Status Replay::OutOfQuarantine(const boost::json::object& entry) {
  const auto id = NumberOf(entry, "quarantine");
  if (!id) return Done{};
  const auto held = FindByKey(transaction_, Table::kQuarantine, KeyOf(*id), DecodeQuarantined);
  if (!held) return held.error();
  if (!held->has_value()) return Done{};
  // With its row in `held`: a number that was decided on does not stop the cell.
  return TakeOut(transaction_, **held);
}

Result<std::vector<Suspension>> Replay::OrderOf(const boost::json::object& entry) const {
  const auto scope = SuspensionScopeFromName(EntryText(entry, "scope"));
  const auto since = UtcTime::FromIso(EntryText(entry, "time"));
  if (!scope || !since) return Unusable(entry, "names nothing that is suspended");
  std::vector<std::string> subjects;
  const auto* list = entry.if_contains("subjects");
  if (list != nullptr && list->is_array()) {
    for (const boost::json::value& subject : list->get_array()) {
      if (subject.is_string()) subjects.emplace_back(subject.get_string());
    }
  } else {
    subjects.emplace_back(EntryText(entry, "subject"));
  }
  if (subjects.empty()) return Unusable(entry, "names nothing that is suspended");
  std::vector<Suspension> order;
  for (std::string& subject : subjects) {
    if (subject.size() > kMaxSuspensionSubject) return Unusable(entry, "has a subject too long");
    // What nobody could lift again.
    const bool is_device = *scope == SuspensionScope::kDevice;
    if (subject.empty() != (*scope == SuspensionScope::kAll) ||
        (is_device && !Eui64::FromText(subject))) {
      return Unusable(entry, "names a subject that is none of its scope");
    }
    order.push_back({.scope = *scope,
                     .subject = std::move(subject),
                     .authority = std::string(EntryText(entry, "authority").substr(0, kMaxName)),
                     .by = "audit entry " + std::string(EntryText(entry, "index")),
                     .since = *since,
                     .lift_by = {}});
  }
  return order;
}

Status Replay::Suspended(const boost::json::object& entry) {
  auto order = OrderOf(entry);
  if (!order) return std::move(order).error();
  if (!proven_) {
    orders_.push_back(*std::move(order));
    return Done{};
  }
  for (const Suspension& row : *order) {
    Status put =
        transaction_.Put(Table::kSuspensions, KeyOf(row.scope, row.subject), EncodeSuspension(row));
    if (!put) return put;
  }
  return Done{};
}

// Not done again: what stays stopped is safe, and two operators may lift it again.
void Replay::Lifted(const boost::json::object& entry) {
  if (!IsTrue(entry, "complete")) return;
  Note(lifted_,
       std::string(EntryText(entry, "scope")) + " " + std::string(EntryText(entry, "subject")));
}

// What it had taken in without proof is in no other entry, nor which cells it had to forget.
Status Replay::Recovered(const boost::json::object& entry) {
  const auto taken_in = NumberOf(entry, "taken_in");
  cells_unknown_ = cells_unknown_ || IsTrue(entry, "cells_unknown") || !taken_in || *taken_in != 0;
  exported_ = exported_ || IsTrue(entry, "fenced");
  if (const auto* imports = entry.if_contains("imports_taken_in");
      imports != nullptr && imports->is_object()) {
    for (const auto& [name, count] : imports->get_object()) {
      const auto feed = FeedFromName(name);
      const std::uint64_t lost =
          count.is_string() ? ParseDecimal(count.get_string()).value_or(0) : 0;
      if (!feed || lost == 0 || lost > kMaxLostImports) {
        return Unusable(entry, "tells of imports in a form not known here");
      }
      if (Status added = AddLost(*feed, lost); !added) return added;
    }
  }
  return RaiseFence(entry);
}

// R-SEC3-40, R-SEC3-41: the register is what the ceremonies made of each key, and each entry tells
// its keys whole.
Status Replay::Ceremony(const boost::json::object& entry) {
  if (!IsTrue(entry, "complete")) return Done{};
  auto keys = ReadKeys(transaction_);
  if (!keys) return std::move(keys).error();
  for (const std::string_view name : {"adopted", "keys"}) {
    const auto* list = entry.if_contains(name);
    if (list == nullptr) continue;
    const auto told =
        keys::Register::Parse(boost::json::serialize(boost::json::object{{"keys", *list}}));
    if (!told) return Unusable(entry, "tells of keys in a form not known here");
    for (const keys::KeyRecord& key : told->keys()) keys->Put(key);
  }
  return transaction_.Put(Table::kSettings, KeyOf(Setting::kKeys), AsBytes(keys->Serialise()));
}

Status Replay::Operated(const boost::json::object& entry) {
  const std::string_view what = EntryText(entry, "act");
  const bool complete = IsTrue(entry, "complete");
  if (what == acts::kSuspend) return Suspended(entry);
  if (what == acts::kLift) {
    Lifted(entry);
    return Done{};
  }
  if (what == acts::kQuarantineDelete && complete) return DeletedFromQuarantine(entry);
  if (what == acts::kRecover) return Recovered(entry);
  if (std::ranges::find(kOtherActs, what) == std::end(kOtherActs)) {
    return Unusable(entry, "is of an act not known here: recover with --base");
  }
  return Numbers(entry, "operator");
}

// R-SEC3-21: of the reservations that were lost with the log, those that came to a signature; of
// what no anchor proves an operation too many is better than one too few. A certificate that
// neither a ceremony nor a start left here cannot be counted for.
Status Replay::CountKeyOperationOf(const boost::json::object& entry) {
  const auto* named = entry.if_contains("acb_certificate");
  if (named == nullptr || !named->is_object()) return Done{};
  const auto sha256 = DigestOf(named->get_object(), "sha256");
  if (!sha256) return Done{};
  auto known = acb_keys_.find(*sha256);
  if (known == acb_keys_.end()) {
    const auto key = AcbKeyOf(*sha256);
    if (!key) return key.error();
    if (!key->has_value()) return Done{};
    known = acb_keys_.emplace(*sha256, **key).first;
  }
  // The alarm, where one was due, is in the log already.
  const auto counted = AddKeyOperation(transaction_, known->second);
  if (!counted) return counted.error();
  return Done{};
}

Result<std::optional<AcbKeyId>> Replay::AcbKeyOf(const Sha256Digest& certificate) const {
  const auto keys = ReadKeys(transaction_);
  if (!keys) return keys.error();
  for (const keys::KeyRecord& key : keys->keys()) {
    if (key.certificate && key.certificate->sha256() == certificate) {
      return std::optional(IdOf(key.point));
    }
  }
  const auto der = FindTrustOctets(transaction_, certificate);
  if (!der) return der.error();
  if (!der->has_value()) return std::optional<AcbKeyId>();
  const auto parsed = smki::Certificate::Parse(**der);
  if (!parsed || !(*parsed)->public_point()) return std::optional<AcbKeyId>();
  return std::optional(IdOf(*(*parsed)->public_point()));
}

// What any log says of numbers: they only go up.
Status Replay::Numbers(const boost::json::object& entry, std::string_view kind) {
  if (kind == "signed" || kind == "abandoned" || kind == "reserved-elsewhere") {
    if (kind == "signed") {
      if (Status counted = CountKeyOperationOf(entry); !counted) return counted;
    }
    Status raised = RaiseIssued(entry, "originator_counter");
    return raised ? GivenOut(entry, kind) : raised;
  }
  if (kind == "observed") return Observed(entry);
  if (kind == "released" && entry.contains("floor")) {
    Status raised = IsTrue(entry, "issued") ? RaiseIssued(entry, "floor") : Status(Done{});
    return raised ? RaiseFloor(entry, "floor") : raised;
  }
  if (kind != "operator" || !IsTrue(entry, "complete")) return Done{};
  const std::string_view what = EntryText(entry, "act");
  if (what == acts::kCounterRaise) {
    return RoleOf(entry) ? RaiseFloor(entry, "to") : RaiseIssued(entry, "to");
  }
  if (what == acts::kCountersImport) {
    // P1: no entry tells the numbers that came, and the box that they came from has signed up to
    // them.
    return Unusable(entry,
                    "took counters in from another box, and the log does not repeat them: recover "
                    "with --base, above what that box had issued too");
  }
  return Done{};
}

Status Replay::Apply(const boost::json::object& entry) {
  proven_ = true;
  const std::string_view kind = EntryText(entry, "kind");
  if (kind == "anchor") return InFlight(entry);
  if (kind == "operator") return Operated(entry);
  if (kind == "ceremony") return Ceremony(entry);
  if (kind == "start") return RaiseFence(entry);
  if (kind == "feed") return NoteFeed(entry);
  if (kind == "quarantined") return IntoQuarantine(entry);
  if (kind == "export") {
    const std::string_view what = EntryText(entry, "act");
    if (what != acts::kCountersExport && what != acts::kBackup && what != acts::kAuditExport) {
      return Unusable(entry, "is of an act not known here: recover with --base");
    }
    Exported(entry);
    return Done{};
  }
  const bool decided = IsDecision(entry, kind);
  if (decided || kind == "released") {
    if (Status bound = Bind(entry); !bound) return bound;
  }
  if (kind == "released") {
    if (Status out = OutOfQuarantine(entry); !out) return out;
  }
  if (decided || kind == "released" || kind == "observed" || kind == "reserved-elsewhere") {
    return Numbers(entry, kind);
  }
  if (kind == "refused" || std::ranges::find(kNoEffect, kind) != std::end(kNoEffect)) return Done{};
  return Unusable(entry, "is of a kind not known here");
}

// One operator's word fences nothing.
void Replay::Exported(const boost::json::object& entry) {
  exported_ = exported_ || (IsTrue(entry, "fenced") && IsTrue(entry, "complete"));
}

// P9: what the import brought is not here, and nothing is decided without it (CheckNotLost).
Status Replay::NoteFeed(const boost::json::object& entry) {
  const auto feed = FeedFromName(EntryText(entry, "feed"));
  if (!feed) return Unusable(entry, "is of a feed not known here");
  cells_unknown_ = cells_unknown_ || feed == Feed::kDevices;
  // One that said nothing new left nothing behind that could be missed.
  if (EntryText(entry, "changed") == "0") return Done{};
  return AddLost(*feed, 1);
}

Status Replay::AddLost(Feed feed, std::uint64_t imports) {
  if (!proven_) imports_[feed] += imports;
  Note(feeds_, std::string(Name(feed)));
  const auto held = FindLastImportRow(transaction_, feed);
  if (!held) return held.error();
  const Bytes key = {static_cast<std::uint8_t>(feed)};
  const auto payload = transaction_.Get(Table::kFeeds, key);
  if (!payload) return payload.error();
  const std::uint64_t before = payload->has_value() ? LostImportsOf(**payload) : 0;
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
  const auto lost = static_cast<std::uint32_t>(before + std::min(imports, kMost - before));
  return transaction_.Put(Table::kFeeds, key, EncodeLastImport(held->value_or(LastImport()), lost));
}

Status Replay::ForgetCells(const boost::json::object& entry) {
  const auto device = Eui64::FromText(EntryText(entry, "device"));
  if (!device) return Unusable(entry, "names no device");
  auto row = RowOf(*device);
  if (!row) return std::move(row).error();
  row->supplier.holder = CellState::Holder::kUnknown;
  row->network_operator.holder = CellState::Holder::kUnknown;
  return transaction_.Put(Table::kCounters, KeyOf(*device), EncodeCounters(*row));
}

Status Replay::TakeIn(const boost::json::object& entry) {
  proven_ = false;
  const std::string_view kind = EntryText(entry, "kind");
  const std::string_view act = EntryText(entry, "act");
  if (kind == "anchor") return InFlight(entry);
  if (kind == "start") return RaiseFence(entry);
  if (kind == "feed") return NoteFeed(entry);
  if (kind == "export") Exported(entry);
  if (kind == "operator" && act == acts::kSuspend) return Suspended(entry);
  if (kind == "operator" && act == acts::kLift) Lifted(entry);
  if (kind == "operator" && act == acts::kRecover) return Recovered(entry);
  if (kind == "operator" && act == acts::kQuarantineDelete && IsTrue(entry, "complete")) {
    Note(quarantine_, std::string(EntryText(entry, "index")) + " deleted " +
                          std::string(EntryText(entry, "quarantine")));
  }
  if (kind == "ceremony" && IsTrue(entry, "complete")) {
    Note(ceremonies_, std::string(EntryText(entry, "index")) + " " + std::string(act));
  }
  if (IsDecision(entry, kind)) {
    if (Status bound = Bind(entry); !bound) return bound;
  }
  if (Status taken = Numbers(entry, kind); !taken) return taken;
  if (kind == "quarantined" && entry.contains("request_id")) {
    Note(quarantine_, std::string(EntryText(entry, "index")) + " " +
                          std::string(EntryText(entry, "request_id")));
    return Bind(entry);
  }
  // What another box saw last may be older than what this one saw, and a number that it held is not
  // held here.
  return kind == "observed" || kind == "quarantined" ? ForgetCells(entry) : Status(Done{});
}

}  // namespace acb::store
