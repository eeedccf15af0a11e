// What the feeds bring, written all or nothing. Private to store/.
//
// Each import is a job of the writer that runs alone: when it fails, what it wrote is dropped.
#pragma once

#include <map>
#include <set>

#include "store/rows.h"
#include "store/store.h"
#include "store/transactions.h"

namespace acb::store {

// Certificates, and revocation lists: in a fleet of a few hundred organisations and 2,000 issuers.
// An import that would pass it is refused, so that what is held can always be loaded.
inline constexpr std::size_t kMaxTrustRows = 100'000;

// Floors of one file that may jump too far; a file with more is wrong as a whole.
inline constexpr std::size_t kMaxFloorsQuarantined = 1'000;

// What decisions rest on changed: those that are under way are made anew (design.md section 4).
Status RaiseTrustGeneration(WriteTransaction& transaction);

// The rows changed so far; then the entry and the feed's row, at the end.
class Import {
 public:
  // `counter_jump`: OpenSettings. A floor further above what is known is not applied but waits for
  // two operators. `goes_on` is asked after each row: its failure is that row's.
  Import(WriteTransaction& transaction, Environment environment, std::uint64_t counter_jump,
         UtcTime at, std::function<Status()> goes_on)
      : transaction_(transaction),
        environment_(environment),
        jump_(counter_jump),
        at_(at),
        goes_on_(std::move(goes_on)) {}

  Status Add(const PartyRecord& row);
  Status Add(const Registration& row);
  // `record`: the row of table `devices` as Seal makes it, when the caller has unsealed
  // one.
  Status Add(const Device& row, HubColumn hub, BytesView record = {});
  Status Add(const RepositoryEntry& row);
  Status Add(const DeviceKey& key);
  Status AddSigning(const DeviceKey& key);
  // DER into one of the tables that are keyed by SHA-256.
  Status Add(Table table, BytesView der);
  // Rows of the file that nothing is kept of.
  void CountUnkept(std::uint64_t rows) { outcome_.rows += rows; }
  // Takes these lists, those that are there, out of force: their octets become evidence.
  Status Supersede(const std::vector<Sha256Digest>& lists);

  // The table becomes what the file says; of proxy certificates, each source that it names.
  Status Replace(const std::vector<MpanPrefix>& rows);
  Status Replace(const std::vector<CalendarDay>& rows);
  Status Replace(const std::vector<CertifiedProduct>& rows);
  Status Replace(const std::vector<ProxyCertificate>& rows);

  // Appends `entry` with "rows" and "changed". The trust generation is raised if anything
  // changed.
  Result<ImportOutcome> Finish(Feed feed, const audit::Entry& entry);

 private:
  using NewRows = std::map<Bytes, Bytes>;  // payload by key
  // All rows whose key starts with `prefix` become `rows`.
  Status ReplaceAll(Table table, BytesView prefix, const NewRows& rows);
  Status Upsert(Table table, BytesView key, BytesView payload, bool& changed);
  Status Replace(Table table, BytesView key, const std::optional<Bytes>& known, BytesView payload,
                 bool& changed);
  Status OpenDeviceTables();
  Status ReplaceDevice(BytesView key, const std::optional<Bytes>& known, const Device& row,
                       HubColumn hub, BytesView record, bool& changed);
  Status ReplaceCounters(BytesView key, const std::optional<Bytes>& known,
                         const CountersRow& before, const CountersRow& after, bool& changed);
  Result<Fence> CurrentFence();
  Status Count(Status added, bool changed);
  Status MergeCell(CellState& cell, const CellState& imported, const CountersRow& known,
                   Eui64 device, RemotePartyRole role);
  Status ExpirePending(Eui64 device);
  Status Hold(const QuarantinedItem& item);
  Status PutTrustChanges(Feed feed, std::uint64_t index);

  WriteTransaction& transaction_;
  const Environment environment_;
  const std::uint64_t jump_;
  const UtcTime at_;
  const std::function<Status()> goes_on_;
  ImportOutcome outcome_;
  // Certificates or lists that this import put in force, and lists that it took out of force.
  std::set<Sha256Digest> brought_;
  std::set<Sha256Digest> superseded_;
  // Read or opened once, not for each of millions of rows.
  std::optional<Fence> fence_;
  std::optional<bool> any_pending_;
  std::optional<SortedRows> devices_;
  std::optional<SortedRows> counters_;
};

}  // namespace acb::store
