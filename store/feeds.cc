#include "store/feeds.h"

#include <algorithm>

#include "firmware/feeds/repository_status.h"
#include "store/audit_log.h"
#include "store/feed_rows.h"
#include "store/observed_rows.h"
#include "store/pending.h"
#include "store/quarantine.h"
#include "store/reading.h"
#include "store/trust_changes.h"

namespace acb::store {
namespace {

// Some 25 MB of the store when they come in order of key.
constexpr std::uint64_t kRowsBeforeLettingGo = 100'000;

bool IsReplacedWhole(Feed feed) {
  return feed == Feed::kMpanPrefixes || feed == Feed::kWorkingDays ||
         feed == Feed::kCertifiedProducts;
}

Status CheckLength(std::string_view what, std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return Done{};
  return Failure(Reason::kFeedRejected,
                 std::string(what) + " is longer than " + std::to_string(limit) + " octets");
}
Status CheckName(std::string_view what, std::string_view name) {
  return CheckLength(what, name, kMaxName);
}
Status CheckMpxn(std::string_view mpxn) { return CheckLength("the meter point", mpxn, kMaxMpxn); }

// The rows of a file that replaces. One that names a row twice says nothing certain.
template <class Map>
Status Insert(Map& rows, Bytes key, Bytes payload, const std::string& name) {
  if (rows.emplace(std::move(key), std::move(payload)).second) return Done{};
  return Failure(Reason::kFeedRejected, "the file has two rows for " + name);
}

// A file without hubs says nothing about them, and a row without a key leaves the one that feed
// device-certificates may have brought.
Device Merge(const Device& recorded, const Device& imported, HubColumn hub) {
  Device merged = imported;
  if (hub == HubColumn::kAbsent) merged.communications_hub = recorded.communications_hub;
  if (!imported.key_agreement) {
    merged.key_agreement = recorded.key_agreement;
    merged.key_agreement_certificate = recorded.key_agreement_certificate;
  }
  return merged;
}

}  // namespace

Status Import::Upsert(Table table, BytesView key, BytesView payload, bool& changed) {
  const auto known = transaction_.Get(table, key);
  if (!known) return known.error();
  return Replace(table, key, *known, payload, changed);
}

// Only what says something new is written: a feed repeated does not touch the file but for its
// entry.
Status Import::Replace(Table table, BytesView key, const std::optional<Bytes>& known,
                       BytesView payload, bool& changed) {
  if (known && Equal(*known, payload)) return Done{};
  changed = true;
  return transaction_.Put(table, key, payload);
}

Status Import::Count(Status added, bool changed) {
  ++outcome_.rows;
  if (changed) ++outcome_.changed;
  return added ? goes_on_() : added;
}

Status Import::Add(const PartyRecord& row) {
  if (auto fits = CheckName("the party's name", row.party); !fits) return fits;
  bool changed = false;
  auto added = Upsert(Table::kParties, KeyOf(row), EncodeParty(row), changed);
  return Count(std::move(added), changed);
}

Status Import::Add(const Registration& row) {
  if (auto fits = CheckMpxn(row.mpxn); !fits) return fits;
  if (auto fits = CheckName("the supplier", row.supplier); !fits) return fits;
  if (auto fits = CheckName("the network operator", row.network_operator); !fits) return fits;
  bool changed = false;
  auto added = Upsert(Table::kRegistrations, KeyOf(row), EncodeRegistration(row), changed);
  return Count(std::move(added), changed);
}

Status Import::Add(const Device& row, HubColumn hub, BytesView record) {
  if (auto fits = CheckMpxn(row.mpxn); !fits) return fits;
  if (auto fits = CheckName("the model", row.model); !fits) return fits;
  const Bytes key = KeyOf(row.id);
  if (auto opened = OpenDeviceTables(); !opened) return opened;
  const auto known = devices_->Get(key);
  if (!known) return known.error();
  if (Status ended = ExpirePending(row.id); !ended) return ended;
  const auto counted = counters_->Get(key);
  const auto decoded = DecodeFound(Table::kCounters, key, counted, DecodeCounters);
  if (!decoded) return decoded.error();
  const auto fence = CurrentFence();
  if (!fence) return fence.error();
  CountersRow counters;
  if (decoded->has_value()) {
    counters = **decoded;  // what was issued stays what it is, with the raise that is due
    if (Status current = BringUpToDate(counters, *fence, row.id); !current) return current;
  } else if (known->has_value()) {
    return Damaged(Table::kCounters, key, "is missing");
  } else {
    // It may have been known before, to a log that was lost: every raise counts for it, as for a
    // row that was written before them all.
    counters.raise = fence->recovered;
    counters.last_issued = fence->recovered;
  }
  const CountersRow before = counters;
  for (const auto& [role, imported] :
       {std::pair{RemotePartyRole::kSupplier, &row.supplier},
        std::pair{RemotePartyRole::kNetworkOperator, &row.network_operator}}) {
    Status merged = MergeCell(*counters.Find(role), *imported, before, row.id, role);
    if (!merged) return merged;
  }

  bool changed = false;
  auto added = ReplaceCounters(key, *counted, before, counters, changed);
  if (added) added = ReplaceDevice(key, *known, row, hub, record, changed);
  if (outcome_.rows % kRowsBeforeLettingGo == 0) transaction_.LetGoOfPages();
  return Count(std::move(added), changed);
}

Status Import::OpenDeviceTables() {
  if (devices_) return Done{};
  auto devices = SortedRows::Open(transaction_, Table::kDevices);
  if (!devices) return std::move(devices).error();
  auto counters = SortedRows::Open(transaction_, Table::kCounters);
  if (!counters) return std::move(counters).error();
  devices_ = *std::move(devices);
  counters_ = *std::move(counters);
  return Done{};
}

Status Import::ReplaceDevice(BytesView key, const std::optional<Bytes>& known, const Device& row,
                             HubColumn hub, BytesView record, bool& changed) {
  if (!known) {
    changed = true;
    return record.empty() ? devices_->Put(key, EncodeDevice(row))
                          : devices_->PutSealed(key, record);
  }
  const auto recorded = DecodeDevice(row.id, *known);
  if (!recorded) return Damaged(Table::kDevices, key, "does not have the table's form");
  const Bytes payload = EncodeDevice(Merge(*recorded, row, hub));
  if (payload == *known) return Done{};
  changed = true;
  return devices_->Put(key, payload);
}

// A raise that is due is not written for its own sake: a feed repeated would write every row anew.
Status Import::ReplaceCounters(BytesView key, const std::optional<Bytes>& known,
                               const CountersRow& before, const CountersRow& after, bool& changed) {
  const Bytes payload = EncodeCounters(after);
  if (known && payload == EncodeCounters(before)) return Done{};
  if (known && *known == payload) return Done{};
  changed = true;
  return counters_->Put(key, payload);
}

Result<Fence> Import::CurrentFence() {
  if (fence_) return *fence_;
  const auto fence = ReadSetting(transaction_, Setting::kFence, DecodeFence);
  if (!fence) return fence.error();
  fence_ = *fence;
  return *fence_;
}

Status Import::Add(Table table, BytesView der) {
  bool changed = false;
  const Sha256Digest sha256 = Sha256(der);
  auto added = Upsert(table, sha256, der, changed);
  if (changed) brought_.insert(sha256);
  return Count(std::move(added), changed);
}

Status Import::Add(const RepositoryEntry& row) {
  if (auto fits = CheckLength("the reason", row.reason, kMaxStatusReason); !fits) return fits;
  const auto held =
      FindByKey(transaction_, Table::kRepositoryStatus, row.certificate, DecodeRepositoryEntry);
  if (!held) return held.error();
  if (held->has_value()) {
    if (auto fits = feeds::CheckRepositoryChange(**held, row); !fits) return fits;
    // R-128-7: revoked is for good, also when the repository later says expired.
    const bool stays =
        (*held)->status == RepositoryStatus::kRevoked && row.status != RepositoryStatus::kRevoked;
    if (stays) return Count(Done{}, false);
  }
  bool changed = false;
  auto added =
      Upsert(Table::kRepositoryStatus, row.certificate, EncodeRepositoryEntry(row), changed);
  return Count(std::move(added), changed);
}

Status Import::Add(const DeviceKey& key) {
  auto device = FindDeviceRow(transaction_, key.device);
  if (!device) return std::move(device).error();
  if (!device->has_value()) {
    return Failure(Reason::kFeedRejected, "device " + key.device.Plain() + " is not known");
  }
  (*device)->key_agreement = key.key;
  (*device)->key_agreement_certificate = key.certificate;
  bool changed = false;
  auto added = Upsert(Table::kDevices, KeyOf(key.device), EncodeDevice(**device), changed);
  return Count(std::move(added), changed);
}

Status Import::AddSigning(const DeviceKey& key) {
  bool changed = false;
  auto added = Upsert(Table::kDeviceSigningKeys, KeyOf(key.device), EncodeSigningKey(key), changed);
  return Count(std::move(added), changed);
}

Status Import::Supersede(const std::vector<Sha256Digest>& lists) {
  for (const Sha256Digest& list : lists) {
    const auto held = transaction_.Get(Table::kRevocationLists, list);
    if (!held) return held.error();
    if (!held->has_value()) continue;
    // A verifier judges an old decision by the list that was in force then.
    if (auto kept = transaction_.Put(Table::kEvidence, list, **held); !kept) return kept;
    if (auto deleted = transaction_.Delete(Table::kRevocationLists, list); !deleted) return deleted;
    superseded_.insert(list);
  }
  return Done{};
}

Status Import::PutTrustChanges(Feed feed, std::uint64_t index) {
  using What = TrustChange::What;
  const bool lists = feed == Feed::kRevocationLists;
  if (!lists && feed != Feed::kOrganisationCertificates) return Done{};
  for (const Sha256Digest& sha256 : brought_) {
    const What what = lists ? What::kListCame : What::kCertificateCame;
    if (auto put = PutTrustChange(transaction_, {index, what, sha256}); !put) return put;
  }
  for (const Sha256Digest& sha256 : superseded_) {
    if (auto put = PutTrustChange(transaction_, {index, What::kListWent, sha256}); !put) return put;
  }
  return Done{};
}

Status Import::ReplaceAll(Table table, BytesView prefix, const NewRows& rows) {
  std::vector<Bytes> withdrawn;
  auto walked = transaction_.Walk(table, prefix, prefix, [&](BytesView key, BytesView) {
    if (Bytes known = ToBytes(key); !rows.contains(known)) withdrawn.push_back(std::move(known));
    return Result<bool>(true);
  });
  if (!walked) return walked;
  for (const Bytes& key : withdrawn) {
    if (auto deleted = transaction_.Delete(table, key); !deleted) return deleted;
  }
  outcome_.changed += withdrawn.size();
  for (const auto& [key, payload] : rows) {
    bool changed = false;
    auto added = Upsert(table, key, payload, changed);
    if (auto counted = Count(std::move(added), changed); !counted) return counted;
  }
  return Done{};
}

Status Import::Replace(const std::vector<MpanPrefix>& rows) {
  NewRows wanted;
  for (const MpanPrefix& row : rows) {
    if (row.prefix.size() != 2) return Failure(Reason::kFeedRejected, "a prefix has two digits");
    if (auto fits = CheckName("the party's name", row.party); !fits) return fits;
    if (auto once = Insert(wanted, KeyOf(row), EncodeMpanPrefix(row), row.prefix); !once)
      return once;
  }
  return ReplaceAll(Table::kMpanPrefixes, {}, wanted);
}

Status Import::Replace(const std::vector<CalendarDay>& rows) {
  NewRows wanted;
  for (const CalendarDay& row : rows) {
    if (auto once = Insert(wanted, KeyOf(row), EncodeCalendarDay(row), row.day.Iso()); !once)
      return once;
  }
  return ReplaceAll(Table::kCalendar, {}, wanted);
}

Status Import::Replace(const std::vector<CertifiedProduct>& rows) {
  NewRows wanted;
  std::map<std::string, std::size_t> of_model;
  for (const CertifiedProduct& row : rows) {
    if (++of_model[row.model] > kMaxRowsOfOne) {
      // More could be kept, but not read again.
      return Failure(Reason::kFeedRejected, "model " + row.model + " has more than " +
                                                std::to_string(kMaxRowsOfOne) + " entries");
    }
    if (auto fits = CheckName("the model", row.model); !fits) return fits;
    if (auto fits = CheckLength("the firmware", row.firmware, kMaxFirmware); !fits) return fits;
    if (auto once = Insert(wanted, KeyOf(row), EncodeProduct(row), row.model); !once) return once;
  }
  return ReplaceAll(Table::kProducts, {}, wanted);
}

Status Import::Replace(const std::vector<ProxyCertificate>& rows) {
  std::map<ProxySource, NewRows> of_source;
  for (const ProxyCertificate& row : rows) {
    if (auto fits = CheckLength("the certificate's name", row.certificate, kMaxProxyName); !fits) {
      return fits;
    }
    auto once = Insert(of_source[row.source], KeyOf(row.source, row.device),
                       EncodeProxyCertificate(row), row.device.Plain());
    if (!once) return once;
  }
  for (const auto& [source, wanted] : of_source) {
    if (auto done = ReplaceAll(Table::kProxyCertificates, PrefixOf(source), wanted); !done) {
      return done;
    }
  }
  return Done{};
}

Status RaiseTrustGeneration(WriteTransaction& transaction) {
  const auto generation = ReadSetting(transaction, Setting::kTrustGeneration, DecodeNumber);
  if (!generation) return generation.error();
  return transaction.Put(Table::kSettings, KeyOf(Setting::kTrustGeneration),
                         EncodeNumber(*generation + 1));
}

// What this file says is newer than a command whose outcome did not come. Nothing waits on most
// days.
Status Import::ExpirePending(Eui64 device) {
  if (!any_pending_) {
    const auto count = transaction_.Count(Table::kPending);
    if (!count) return count.error();
    any_pending_ = *count != 0;
  }
  if (!*any_pending_) return Done{};
  const auto overdue = FindOverdue(transaction_, device, at_);
  if (!overdue) return overdue.error();
  for (const PendingCommand& one : *overdue) {
    if (Status ended = Expire(transaction_, one, at_, environment_); !ended) return ended;
  }
  return Done{};
}

// R-128-21: nothing that comes by a feed lowers a floor; a cell that the feed does not know stays.
Status Import::MergeCell(CellState& cell, const CellState& imported, const CountersRow& known,
                         Eui64 device, RemotePartyRole role) {
  const CellState before = cell;
  // design.md section 4, "Recover": a cell that became unknown is the ACB's again only with a floor
  // that somebody knows now; the recorded one may be too low.
  const bool to_acb = imported.holder == CellState::Holder::kAcb;
  if (before.holder == CellState::Holder::kUnknown && before.floor && to_acb && !imported.floor) {
    return Done{};
  }
  if (before.holder == CellState::Holder::kParty && before.floor && to_acb &&
      imported.floor <= before.floor) {
    // The recorded floor is of the ACB's earlier tenure, and the row may be older than what the
    // device said of it: who sends the file has the word, and is told.
    const auto observed = FindLastMoved(transaction_, device, role);
    if (!observed) return observed.error();
    if (observed->has_value()) ++outcome_.against_observed;
    // R-128-17: the ACB has it again, above which counter nobody says.
    if (!imported.floor) {
      cell.holder = CellState::Holder::kUnknown;
      cell.party = Eui64(0);
      cell.acb_key = {};
      return Done{};
    }
  }
  if (imported.holder != CellState::Holder::kUnknown) {
    cell.holder = imported.holder;
    cell.party = imported.party;
    // Without the column what is known stays, as long as the cell is the ACB's.
    if (!to_acb || imported.acb_key || before.holder == CellState::Holder::kParty) {
      cell.acb_key = imported.acb_key;
    }
  }
  if (!imported.floor || imported.floor <= cell.floor) return Done{};
  // reliability.md section 1: one value near 2^63 would block the device for ever.
  const std::uint64_t greatest =
      std::max(known.last_issued, cell.floor ? cell.floor->value() : std::uint64_t{0});
  if (imported.floor->value() <= greatest || imported.floor->value() - greatest <= jump_) {
    cell.floor = imported.floor;
    return Done{};
  }
  // Nor does the cell become the ACB's, to be signed for above an older floor, on the word of a row
  // whose floor is not believed.
  if (to_acb && before.floor) cell = before;
  QuarantinedItem item;
  item.device = device;
  item.role = role;
  item.floor = imported.floor;
  item.since = at_;
  item.why = "an imported floor may be at most " + std::to_string(jump_) +
             " above the greatest number known for device and cell, " + std::to_string(greatest);
  return Hold(item);
}

Status Import::Hold(const QuarantinedItem& item) {
  const auto waiting = IsWaiting(transaction_, item);
  if (!waiting) return waiting.error();
  if (*waiting) return Done{};
  if (++outcome_.quarantined > kMaxFloorsQuarantined) {
    return Failure(Reason::kFeedRejected, "more than " + std::to_string(kMaxFloorsQuarantined) +
                                              " floors are further above what is known than the "
                                              "limit of " +
                                              std::to_string(jump_));
  }
  const auto receipt = QuarantineFloor(transaction_, item, environment_);
  if (!receipt) return receipt.error();
  return Done{};
}

Result<ImportOutcome> Import::Finish(Feed feed, const audit::Entry& entry) {
  // Every feed: what a decision rested on is read again at the reservation (design.md section 4).
  if (outcome_.changed != 0) {
    if (auto raised = RaiseTrustGeneration(transaction_); !raised) return std::move(raised).error();
  }
  for (const Table table :
       {Table::kCertificates, Table::kRevocationLists, Table::kDeviceAuthorities}) {
    const auto count = transaction_.Count(table);
    if (!count) return count.error();
    if (*count > kMaxTrustRows) {
      return Failure(Reason::kFeedRejected, "the box holds at most " +
                                                std::to_string(kMaxTrustRows) + " " +
                                                std::string(Name(table)));
    }
  }
  transaction_.DemandAnchor();
  audit::Entry counted = entry;
  counted.Set("rows", std::to_string(outcome_.rows));
  counted.Set("changed", std::to_string(outcome_.changed));
  if (outcome_.quarantined != 0) {
    counted.Set("quarantined", std::to_string(outcome_.quarantined));
  }
  if (outcome_.against_observed != 0) {
    counted.Set("against_observed", std::to_string(outcome_.against_observed));
  }
  if (auto named = NameInEntry(transaction_, "brought", brought_, counted); !named) {
    return std::move(named).error();
  }
  if (auto named = NameInEntry(transaction_, "superseded", superseded_, counted); !named) {
    return std::move(named).error();
  }
  const auto receipt = AppendEntry(transaction_, counted, environment_);
  if (!receipt) return receipt.error();
  if (auto put = PutTrustChanges(feed, receipt->index); !put) return std::move(put).error();
  outcome_.receipt = *receipt;
  const LastImport last{outcome_.rows, outcome_.changed, receipt->index, entry.at()};
  const Bytes key = {static_cast<std::uint8_t>(feed)};
  // P9: of a feed whose files add to each other, one file does not stand for all that were lost.
  const auto held = transaction_.Get(Table::kFeeds, key);
  if (!held) return held.error();
  const std::uint32_t lost = held->has_value() ? LostImportsOf(**held) : 0;
  const std::uint32_t left = lost == 0 || IsReplacedWhole(feed) ? 0 : lost - 1;
  if (auto put = transaction_.Put(Table::kFeeds, key, EncodeLastImport(last, left)); !put) {
    return std::move(put).error();
  }
  return outcome_;
}

}  // namespace acb::store
