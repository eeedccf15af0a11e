// Whom an operator's suspension names, held against what the box knows: an order that stops nobody
// must not be answered as one that does.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "firmware/smki/trust.h"
#include "store/store.h"

namespace acb::platform {

// The subjects and issuers of the certificates held, roots and named anchors among them, as
// suspensions spell an issuer (checks::IssuerSubject).
class HeldNames {
 public:
  // What cannot be read is left out: no order waits for that.
  static HeldNames Of(const store::Store& store, const smki::TrustSettings& settings);

  bool Has(const std::string& issuer) const { return names_.contains(issuer); }
  // Those that have the same RDNs in another order, in which people and tools write them; the
  // certificate's own order is the one that blocks it.
  std::vector<std::string> InOtherOrders(const smki::Name& name) const;

 private:
  void Add(const smki::Name& name);

  std::set<std::string> names_;
  std::multimap<std::string, std::string> by_parts_;
};

// Of the rows of one scope those that are of no party in the register, no device known, or no name
// held. An order may come before the row that it is about. Empty when that cannot be looked at.
std::vector<std::string> SubjectsThatMatchNothing(const store::Store& store,
                                                  const std::vector<Suspension>& rows,
                                                  const HeldNames& held);

}  // namespace acb::platform
