// Proof that an originator counter is durably ours: made by a CounterStore and by nothing else.
#pragma once

#include <utility>

#include "firmware/base/eui64.h"
#include "firmware/base/request_id.h"
#include "firmware/base/trust_anchor_cell.h"

namespace acb {

// Move only, and goes to the HSM once (design.md section 4). Without one, no bytes to sign can be
// built: gbcs::BuildUpdateSecurityCredentials demands it.
class ReservedCounter {
 public:
  ReservedCounter(ReservedCounter&&) = default;
  ReservedCounter& operator=(ReservedCounter&&) = default;
  ReservedCounter(const ReservedCounter&) = delete;
  ReservedCounter& operator=(const ReservedCounter&) = delete;

  const RequestId& request() const { return request_; }
  Eui64 device() const { return request_.target; }
  RemotePartyRole role() const { return role_; }
  OriginatorCounter counter() const { return counter_; }

 private:
  friend class CounterStore;  // firmware/ports.h
  ReservedCounter(const RequestId& request, RemotePartyRole role, OriginatorCounter counter)
      : request_(request), role_(role), counter_(counter) {}

  RequestId request_;
  RemotePartyRole role_;
  OriginatorCounter counter_;
};

}  // namespace acb
