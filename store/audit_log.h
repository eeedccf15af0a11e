// The audit log's entries and their leaf hashes (design.md section 7). Private to store/.
#pragma once

#include <string>
#include <vector>

#include "store/store.h"
#include "store/transactions.h"

namespace acb::store {

// How many entries there are: the index of the next. Fails with kRecordDamaged.
Result<std::uint64_t> AuditSizeOf(const Transaction& transaction);

// Gives the entry the next index and marks it with the environment; draws the salts of what it
// seals and keeps its disclosure. kStoreUnavailable: longer than audit::kMaxEntryOctets; nothing
// was written. A job calls it before its other writes: it may still find a damaged record.
Result<audit::Receipt> AppendEntry(WriteTransaction& transaction, const audit::Entry& entry,
                                   Environment environment);
// The same in two steps, of which the first needs no transaction: any thread may take it.
audit::PreparedEntry Prepare(const audit::Entry& entry, Environment environment);
Result<audit::Receipt> AppendEntry(WriteTransaction& transaction,
                                   const audit::PreparedEntry& entry);

// The octets of an entry that the log lost: as they are, at the end. It has no disclosure. Fails as
// AppendEntry.
Result<audit::Receipt> AppendOctets(WriteTransaction& transaction, std::uint64_t index,
                                    std::string_view octets);

// The newest entry is that of the newest leaf, and hashes to it.
Status CheckAuditEnd(const Transaction& transaction);

Result<std::vector<std::string>> ReadEntries(const Transaction& transaction, std::uint64_t from,
                                             std::uint64_t count);
// Of the entries from index `from` on, `count` of them, those that sealed something.
Result<std::vector<std::string>> ReadDisclosures(const Transaction& transaction, std::uint64_t from,
                                                 std::uint64_t count);
Result<std::vector<Sha256Digest>> ReadLeafHashes(const Transaction& transaction, std::uint64_t from,
                                                 std::uint64_t count);

}  // namespace acb::store
