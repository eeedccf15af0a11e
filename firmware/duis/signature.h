#pragma once

#include "firmware/duis/request.h"
#include "firmware/smki/certificate.h"

namespace acb::duis {

// Once per process, before any thread: libxml2 and xmlsec1 are told to load nothing from outside.
Status InitialiseXml();

// Verifies the XML signature with the public key of `signer`, which the caller found by
// request.signer() in the certificates it trusts and checked (smki path, role, revocation). The
// signer's EUI-64 must equal the RequestID's originator. Fails with kSignatureInvalid, kSenderAuth,
// kMalformed.
Result<VerifiedRequest> VerifySignature(UnverifiedRequest&& request, smki::CertificatePtr signer);

}  // namespace acb::duis
