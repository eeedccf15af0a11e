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

// Whether the signature of the request is good by that certificate's key: to tell which of several
// of one name is meant. It proves nothing else.
bool IsSignedWith(const UnverifiedRequest& request, const smki::Certificate& certificate);

}  // namespace acb::duis
