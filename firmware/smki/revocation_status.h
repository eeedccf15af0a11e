// What the revocation lists of one issuer say of one certificate at one moment.
#pragma once

#include <vector>

#include "firmware/base/result.h"
#include "firmware/smki/revocation_list.h"

namespace acb::smki {

struct StatusQuestion {
  const Certificate& certificate;
  // Lists signed by the certificate's issuer.
  const std::vector<RevocationListPtr>& lists;
  Reason revoked;  // what to fail with
  Reason stale;
  RevocationList::Scope other_scope;  // lists of this scope do not speak of the certificate
  std::int64_t max_age_seconds;       // since thisUpdate
  UtcTime at;
};

// A list counts when thisUpdate <= at < nextUpdate and it is not above its age; of those, the one
// of the highest number (all of them, should two have it). Fails with `revoked` when it has the
// serial number under any reason, with `stale` when no list counts (R-SEC3-14, R-SEC3-16,
// R-SEC3-18).
Status CheckStatus(const StatusQuestion& question);

}  // namespace acb::smki
