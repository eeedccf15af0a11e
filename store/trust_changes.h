// What came into force and what went, of all that a decision about a certificate rests on: so that
// an export can say what was in force at an entry (design.md section 7). Private to store/.
#pragma once

#include <set>
#include <string>

#include "firmware/audit/entry.h"
#include "store/store.h"
#include "store/transactions.h"

namespace acb::store {

// In a `feed` entry: names its SHA-256s in lower-case hex, in order, as the member `name`; more
// than an entry holds become the member `name`_sha256, the hash of their canonical list, which is
// kept as evidence. No member when there are none.
Status NameInEntry(WriteTransaction& transaction, std::string_view name,
                   const std::set<Sha256Digest>& digests, audit::Entry& entry);

Status PutTrustChange(WriteTransaction& transaction, const TrustChange& change);
// In order of index, those before `end`.
Status WalkTrustChanges(const Transaction& transaction, std::uint64_t end,
                        const std::function<Status(const TrustChange&)>& visit);
// Octets of a certificate, a list or settings, in force or not.
Result<std::optional<Bytes>> FindTrustOctets(const Transaction& transaction,
                                             const Sha256Digest& sha256);
Status KeepSettings(WriteTransaction& transaction, std::uint64_t index, std::string_view settings,
                    const std::vector<Bytes>& certificates);

}  // namespace acb::store
