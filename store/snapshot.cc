#include "store/snapshot.h"

#include "store/answers.h"
#include "store/feed_rows.h"
#include "store/reading.h"

namespace acb::store {
namespace {

template <class Row>
Result<std::vector<Row>> FindAll(const Transaction& transaction, Table table, BytesView prefix,
                                 std::optional<Row> (*decode)(BytesView, BytesView)) {
  std::vector<Row> rows;
  auto walked = transaction.Walk(table, prefix, prefix,
                                 [&](BytesView key, BytesView payload) -> Result<bool> {
                                   auto row = decode(key, payload);
                                   if (!row)
                                     return Damaged(table, key, "does not have the table's form");
                                   rows.push_back(*std::move(row));
                                   if (rows.size() > kMaxRowsOfOne) {
                                     return Failure(Reason::kStoreUnavailable, {},
                                                    "too many rows of one party or meter point");
                                   }
                                   return true;
                                 });
  if (!walked) return std::move(walked).error();
  return rows;
}

}  // namespace

Result<std::optional<CountersRow>> FindCounters(const Transaction& transaction, Eui64 device) {
  const Bytes key = KeyOf(device);
  auto row = Find(transaction, Table::kCounters, key, DecodeCounters);
  if (!row || row->has_value()) return row;
  const auto known = transaction.Get(Table::kDevices, key);
  if (!known) return known.error();
  if (known->has_value()) return Damaged(Table::kCounters, key, "is missing");
  return std::optional<CountersRow>();
}

Status BringUpToDate(CountersRow& row, const Fence& fence, Eui64 device) {
  if (row.raise > fence.raise) {
    return Damaged(Table::kCounters, KeyOf(device), "has a raise of the future");
  }
  if (row.raise < fence.recovered) {
    row.supplier.holder = CellState::Holder::kUnknown;
    row.network_operator.holder = CellState::Holder::kUnknown;
  }
  const std::uint64_t due = fence.raise - row.raise;
  // Above 2^63-1 nothing is issued any more: NextCounter says so.
  row.last_issued = row.last_issued > kMaxSeqNumber - due ? kMaxSeqNumber : row.last_issued + due;
  row.raise = fence.raise;
  return Done{};
}

Result<std::optional<CountersRow>> FindCurrentCounters(const Transaction& transaction,
                                                       Eui64 device) {
  const auto fence = ReadSetting(transaction, Setting::kFence, DecodeFence);
  if (!fence) return fence.error();
  return FindCurrentCounters(transaction, device, *fence);
}

Result<std::optional<CountersRow>> FindCurrentCounters(const Transaction& transaction, Eui64 device,
                                                       const Fence& fence) {
  auto row = FindCounters(transaction, device);
  if (!row || !row->has_value()) return row;
  if (Status current = BringUpToDate(**row, fence, device); !current) {
    return std::move(current).error();
  }
  return row;
}

Result<std::optional<Device>> FindDeviceRow(const Transaction& transaction, Eui64 device) {
  const Bytes key = KeyOf(device);
  const auto payload = transaction.Get(Table::kDevices, key);
  if (!payload) return payload.error();
  if (!payload->has_value()) return std::optional<Device>();
  auto row = DecodeDevice(device, **payload);
  if (!row) return Damaged(Table::kDevices, key, "does not have the table's form");
  return row;
}

Result<std::optional<RequestRow>> FindRequestRow(const Transaction& transaction,
                                                 const RequestId& request) {
  return Find(transaction, Table::kRequests, request.Key(), DecodeRequest);
}

Result<std::optional<Device>> Snapshot::FindDevice(Eui64 id) const {
  auto device = FindDeviceRow(transaction_, id);
  if (!device || !device->has_value()) return device;
  auto written = FindCounters(transaction_, id);
  if (!written) return std::move(written).error();
  auto current = FindCurrentCounters(transaction_, id);
  if (!current) return std::move(current).error();
  (*device)->supplier = (*current)->supplier;
  (*device)->network_operator = (*current)->network_operator;
  // What was really issued, without the raise that the next one will be above.
  (*device)->last_issued = (*written)->last_issued;
  return device;
}

Result<std::vector<PartyRecord>> Snapshot::FindUser(Eui64 user_id) const {
  return FindAll(transaction_, Table::kParties, PrefixOf(user_id), DecodeParty);
}

Result<std::vector<PartyRecord>> Snapshot::FindRowsAgainst(std::string_view party) const {
  return against_->Find(transaction_, party);
}

Result<std::vector<Registration>> Snapshot::FindRegistrations(std::string_view mpxn) const {
  // One that is longer than any stored is not stored.
  if (mpxn.size() > kMaxMpxn) return std::vector<Registration>();
  return FindAll(transaction_, Table::kRegistrations, PrefixOf(mpxn), DecodeRegistration);
}

Result<std::optional<LastImport>> FindLastImportRow(const Transaction& transaction, Feed feed) {
  const Bytes key = {static_cast<std::uint8_t>(feed)};
  return Find(transaction, Table::kFeeds, key, DecodeLastImport);
}

Result<std::optional<StoredRequest>> Snapshot::FindRequest(const RequestId& request) const {
  return FindStoredRequest(transaction_, request);
}

Result<std::optional<MpanPrefix>> Snapshot::FindMpanPrefix(std::string_view prefix) const {
  // LMDB takes no empty key, and no other length is stored.
  if (prefix.size() != 2) return std::optional<MpanPrefix>();
  return FindByKey(transaction_, Table::kMpanPrefixes, AsBytes(prefix), DecodeMpanPrefix);
}

Result<std::vector<CertifiedProduct>> Snapshot::FindProducts(std::string_view model) const {
  if (model.size() > kMaxName) return std::vector<CertifiedProduct>();
  return FindAll(transaction_, Table::kProducts, PrefixOfProducts(model), DecodeProduct);
}

Result<std::optional<RepositoryEntry>> Snapshot::FindRepositoryEntry(
    const Sha256Digest& certificate) const {
  return FindByKey(transaction_, Table::kRepositoryStatus, certificate, DecodeRepositoryEntry);
}

Result<bool> Snapshot::HoldsCertificate(const Sha256Digest& certificate) const {
  const auto found = transaction_.Get(Table::kCertificates, certificate);
  if (!found) return found.error();
  return found->has_value();
}

Result<std::vector<ProxyCertificate>> Snapshot::FindProxyCertificates(Eui64 device) const {
  std::vector<ProxyCertificate> rows;
  for (const ProxySource source : {ProxySource::kDsp, ProxySource::kS1sp}) {
    auto row = FindByKey(transaction_, Table::kProxyCertificates, KeyOf(source, device),
                         DecodeProxyCertificate);
    if (!row) return std::move(row).error();
    if (row->has_value()) rows.push_back(**std::move(row));
  }
  return rows;
}

Result<std::optional<LastImport>> Snapshot::FindLastImport(Feed feed) const {
  return FindLastImportRow(transaction_, feed);
}

Result<std::optional<Suspension>> Snapshot::FindSuspension(SuspensionScope scope,
                                                           std::string_view subject) const {
  // One that is longer than any stored is not stored.
  if (subject.size() > kMaxSuspensionSubject) return std::optional<Suspension>();
  return FindByKey(transaction_, Table::kSuspensions, KeyOf(scope, subject), DecodeSuspension);
}

}  // namespace acb::store
