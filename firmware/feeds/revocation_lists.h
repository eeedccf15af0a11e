// Whether a revocation list from the feed may be taken in, and which it replaces (R-SEC3-17).
#pragma once

#include <vector>

#include "firmware/base/result.h"
#include "firmware/smki/revocation_list.h"
#include "firmware/smki/trust.h"

namespace acb::feeds {

// What the box holds when lists are imported. References outlive it.
struct ListContext {
  const smki::TrustSettings& settings;
  const std::vector<smki::CertificatePtr>& certificates;
  const std::vector<smki::RevocationListPtr>& held;
};

// How far the clock of a CA may be ahead of ours.
inline constexpr std::int64_t kMaxListAheadSeconds = 5 * 60;

// A list of a trusted issuer that is held (a root, or a CA that one signed) must verify by a key of
// that issuer and name no other (smki::IsListOf); its number must not be below, nor its thisUpdate
// before, that of a list held of the same key which speaks of the same certificates. None may begin
// more than kMaxListAheadSeconds after `at`: the true one of today would be rolled back by it. A
// list of an issuer that is not held is taken in, and is of no use until the issuer comes. Fails
// with kFeedRejected; the explanation names the list and what was expected.
Status CheckNewRevocationList(const smki::RevocationList& list, const ListContext& context,
                              UtcTime at);

// A trusted issuer of that name is held: its lists can be judged.
bool IsIssuerHeld(const smki::RevocationList& list, const ListContext& context);

// Those of the lists held that a trusted issuer signed: the others say nothing.
std::vector<smki::RevocationListPtr> SignedLists(const ListContext& context);

// The lists held that `newer` makes useless at `at`: of the same issuer and key, with a lower
// number, and about no certificate that `newer` does not cover. None while `newer` has not begun.
// SHA-256 of each.
std::vector<Sha256Digest> SupersededLists(const smki::RevocationList& newer,
                                          const ListContext& context, UtcTime at);

// Certificates are judged by the list at `at`: its issuer, which is held, signed it, it has begun,
// has not run out and is not older than a CRL may be (R-SEC3-14).
bool IsInForce(const smki::RevocationList& list, const ListContext& context, UtcTime at);

}  // namespace acb::feeds
