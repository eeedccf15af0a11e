// What the feeds bring, written all or nothing. Private to store/.
//
// Each import is a job of the writer that runs alone: when it fails, what it wrote is dropped.
#pragma once

#include "store/store.h"
#include "store/transactions.h"

namespace acb::store {

// Certificates, and revocation lists: in a fleet of a few hundred organisations and 2,000 issuers.
// An import that would pass it is refused, so that what is held can always be loaded.
inline constexpr std::size_t kMaxTrustRows = 100'000;

// The rows changed so far; then the entry and the feed's row, at the end.
class Import {
 public:
  Import(WriteTransaction& transaction, Environment environment)
      : transaction_(transaction), environment_(environment) {}

  Status Add(const PartyRecord& row);
  Status Add(const Registration& row);
  Status Add(const Device& row);
  // DER into one of the two tables that are keyed by SHA-256.
  Status Add(Table table, BytesView der);

  // Appends `entry` with "rows" and "changed". The trust generation is raised if anything
  // changed.
  Result<ImportOutcome> Finish(Feed feed, const audit::Entry& entry);

 private:
  Status Upsert(Table table, BytesView key, BytesView payload, bool& changed);
  Status Replace(Table table, BytesView key, const std::optional<Bytes>& known, BytesView payload,
                 bool& changed);
  Result<std::uint64_t> RaiseOfNewDevices();
  Status Count(Status added, bool changed);
  Status RaiseTrustGeneration();

  WriteTransaction& transaction_;
  const Environment environment_;
  ImportOutcome outcome_;
  std::optional<std::uint64_t> raise_;  // of the settings, read once
};

}  // namespace acb::store
