// The one form of XML signature that is accepted (duis-6.21.md section 4.1).
#pragma once

#include <libxml/tree.h>

#include <optional>
#include <string_view>

#include "firmware/base/p256.h"
#include "firmware/base/sha256.h"
#include "firmware/duis/reading.h"
#include "firmware/duis/request.h"

namespace acb::duis {

inline constexpr std::string_view kExclusiveC14n = "http://www.w3.org/2001/10/xml-exc-c14n#";
inline constexpr std::string_view kEcdsaSha256 =
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256";
inline constexpr std::string_view kEnvelopedSignature =
    "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
inline constexpr std::string_view kSha256 = "http://www.w3.org/2001/04/xmlenc#sha256";

// SignatureValue is r || s (duis-6.21.md 4.1), KeyInfo a serial number of at most 20 octets (RFC
// 5280 section 4.1.2.2).
inline constexpr std::size_t kSignatureOctets = std::tuple_size_v<EcdsaSignature>;
inline constexpr std::size_t kSerialDigits = 48;

struct SignatureClaims {
  SignerName signer;
  Sha256Digest digest;       // the DigestValue of the one Reference
  EcdsaSignature signature;  // SignatureValue
};

// Reads a ds:Signature element that follows the profile to the letter: these elements, once each,
// in this order, these algorithms, no Id, no Object. Verifies nothing. Nothing when `reading`
// failed, with kSignatureInvalid.
std::optional<SignatureClaims> ReadSignature(Reading& reading, const xmlNode* signature);

}  // namespace acb::duis
