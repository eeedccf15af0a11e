// PKCS#10 for an ACB key: built here, signed by the key itself wherever that is (R-SEC3-43).
#pragma once

#include <functional>
#include <string>

#include "firmware/base/bytes.h"
#include "firmware/base/eui64.h"
#include "firmware/base/result.h"
#include "firmware/records.h"

namespace acb::keys {

// Of an SMKI organisation certificate (gbcs-cs02b.md section 9): OU is the role, "04".
struct RequestSubject {
  std::string common_name;  // empty: none
  Eui64 eui64{0};           // x500UniqueIdentifier
};

// Gives r || s (64 octets), ECDSA with SHA-256 over the octets, by the key's private half.
using SignRequest = std::function<Result<Bytes>(BytesView)>;

// DER. A key agreement key's request is signed by that key too: that is how its possession is
// proven. Its signature is verified before this returns. Fails with `sign`'s failure, or
// kHsmUnavailable when the signature is not the key's; kConfiguration for a name of no use.
Result<Bytes> BuildCertificateRequest(const RequestSubject& subject, KeyUsage usage,
                                      const PublicPoint& key, const SignRequest& sign);

// The request is of this key and signed by it. kSignatureInvalid, kMalformed.
Status VerifyCertificateRequest(BytesView der, const PublicPoint& key);

}  // namespace acb::keys
