// Whether a revocation list from the feed may be taken in (R-SEC3-17).
#pragma once

#include <vector>

#include "firmware/base/result.h"
#include "firmware/smki/revocation_list.h"
#include "firmware/smki/trust.h"

namespace acb::feeds {

// `certificates` and `held`: what the box holds, DER. A list of an issuer that is held must verify
// by a key of that issuer, and its number must not be below that of a list held of the same key. A
// list of an issuer that is not held is taken in, and is of no use until the issuer comes. Fails
// with kFeedRejected; the explanation names the list and what was expected.
Status CheckNewRevocationList(const smki::RevocationList& list, const smki::TrustSettings& settings,
                              const std::vector<Bytes>& certificates,
                              const std::vector<Bytes>& held);

}  // namespace acb::feeds
