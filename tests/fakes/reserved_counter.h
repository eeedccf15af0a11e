// A ReservedCounter without a store, for tests of what comes after the reservation.
#pragma once

#include "firmware/base/reserved_counter.h"
#include "firmware/ports.h"

namespace acb::testing {

// Never constructed: it only reaches what CounterStore hands down to its implementations.
class CounterMint : public CounterStore {
 public:
  static ReservedCounter Make(const RequestId& request, RemotePartyRole role,
                              OriginatorCounter counter) {
    return Mint(request, role, counter);
  }
};

// As if CounterStore::Reserve had given out `counter` for the device of `request`.
inline ReservedCounter Reserve(const RequestId& request, RemotePartyRole role,
                               OriginatorCounter counter) {
  return CounterMint::Make(request, role, counter);
}

}  // namespace acb::testing
