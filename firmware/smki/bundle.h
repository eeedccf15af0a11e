// Files of certificates and revocation lists: one DER, or PEM (RFC 7468).
#pragma once

#include <vector>

#include "firmware/base/bytes.h"
#include "firmware/base/result.h"

namespace acb::smki {

// The DER octets in `file`, in order, at least one. DER is what starts with a SEQUENCE, and is
// given as it is: Certificate::Parse and RevocationList::Parse judge it.
//
// PEM: blocks of the one kind, "CERTIFICATE" or "X509 CRL"; strict base64. Text before a BEGIN line
// is a comment, as OpenSSL and operators write it; but not when it holds "-----", and after the
// last block only blank lines may follow, so that a cut or damaged block is never taken for a
// comment. Lines end with LF or CR LF. At most 100,000 blocks. Fails with kFeedRejected, naming the
// line.
Result<std::vector<Bytes>> SplitCertificates(BytesView file);
Result<std::vector<Bytes>> SplitRevocationLists(BytesView file);

}  // namespace acb::smki
