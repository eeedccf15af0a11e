// What a RequestID's retry gets: the stored answer, and the octets it rests on (P5). Private to
// store/.
//
// Each function is one job of the writer: it checks everything before it writes.
#pragma once

#include "store/store.h"
#include "store/transactions.h"

namespace acb::store {

// Octets that may be stored already: a retry after an abandoned reservation brings the same
// request.
struct Evidence {
  Sha256Digest sha256;
  BytesView octets;
  bool known = false;
};
// Hashes: any thread may.
Evidence EvidenceOf(BytesView octets);
// Sets `known`.
Status LookUp(const Transaction& transaction, Evidence& evidence);
Status PutEvidence(WriteTransaction& transaction, const Evidence& evidence);

struct SignedAnswer {
  const ReservedCounter& counter;
  const audit::PreparedEntry& entry;
  Eui64 acb;
  Evidence command;
  Evidence request;
};
// AuditLog::AppendSigned: flush 2.
Result<audit::Receipt> StoreSigned(WriteTransaction& transaction, SignedAnswer answer);

struct RefusedAnswer {
  const RequestId& request;
  const Sha256Digest& body;
  const audit::PreparedEntry& entry;
  const Failure& why;
  UtcTime at;
  Evidence octets;
};
// An answer without a command: `state` is kRefused or kQuarantined. AuditLog::AppendRefused.
Result<audit::Receipt> StoreAnswered(WriteTransaction& transaction, RefusedAnswer answer,
                                     StoredRequest::State state, RemotePartyRole role);

// Records::FindRequest: with the command's octets.
Result<std::optional<StoredRequest>> FindStoredRequest(const Transaction& transaction,
                                                       const RequestId& request);

}  // namespace acb::store
