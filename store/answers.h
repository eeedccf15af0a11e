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
Result<Evidence> LookUpEvidence(const Transaction& transaction, BytesView octets);
Status PutEvidence(WriteTransaction& transaction, const Evidence& evidence);

struct SignedAnswer {
  const ReservedCounter& counter;
  const audit::Entry& entry;
  Eui64 acb;
  BytesView command;
  BytesView request_octets;
};
// AuditLog::AppendSigned: flush 2.
Result<audit::Receipt> StoreSigned(WriteTransaction& transaction, const SignedAnswer& answer,
                                   Environment environment);

struct RefusedAnswer {
  const RequestId& request;
  const Sha256Digest& body;
  const audit::Entry& entry;
  const Failure& why;
  BytesView request_octets;
};
// An answer without a command: `state` is kRefused or kQuarantined. AuditLog::AppendRefused.
Result<audit::Receipt> StoreAnswered(WriteTransaction& transaction, const RefusedAnswer& answer,
                                     StoredRequest::State state, RemotePartyRole role,
                                     Environment environment);

// Records::FindRequest: with the command's octets.
Result<std::optional<StoredRequest>> FindStoredRequest(const Transaction& transaction,
                                                       const RequestId& request);

}  // namespace acb::store
