// What Certificate::Parse read. For the checks of this folder; others use Certificate.
#pragma once

#include <vector>

#include "firmware/smki/certificate.h"
#include "firmware/smki/extensions.h"
#include "firmware/smki/x509_time.h"

namespace acb::smki {

// The parts of a certificate, as views into its octets.
struct CertificateParts {
  BytesView tbs;              // what is signed
  BytesView version;          // content octets of the INTEGER; empty for the default, v1
  BytesView serial;           // content octets
  BytesView inner_algorithm;  // AlgorithmIdentifier in tbsCertificate, whole
  BytesView outer_algorithm;  // the one beside the signature, whole
  BytesView issuer_der;
  BytesView subject_der;
  X509Time not_before;
  X509Time not_after;
  BytesView key_algorithm;  // AlgorithmIdentifier of the public key, whole
  BytesView key_bits;       // subjectPublicKey without the octet of unused bits
  bool unique_ids = false;  // issuerUniqueID or subjectUniqueID is there
  std::vector<Extension> extensions;
  BytesView signature;  // ECDSA-Sig-Value
};

// Views point into `der`, which never changes.
struct Certificate::Fields : CertificateParts {
  Bytes der;
  Sha256Digest sha256{};
  Name issuer;
  Name subject;
  // Derived
  std::optional<PublicPoint> point;
  std::optional<Eui64> eui64;
  std::optional<std::uint8_t> ou_role;
  std::optional<KeyUsage> key_usage;
  BytesView subject_key_identifier;
  BytesView authority_key_identifier;
};

// What is wrong with `der` as a certificate (Certificate::Parse); nothing when its parts were read.
std::optional<std::string> ReadParts(BytesView der, CertificateParts& parts);
// public_point() and key_usage() of Certificate.
std::optional<PublicPoint> PointOf(const CertificateParts& parts);
std::optional<KeyUsage> KeyUsageOf(const CertificateParts& parts);

// One attribute of a name with its value as encoded.
struct RawAttribute {
  std::string type;  // dotted OID
  der::Element value;
  bool alone = true;  // no other attribute in its RDN
};
// `der`: a Name that ParseName accepts.
std::vector<RawAttribute> RawAttributes(BytesView der);

inline constexpr std::string_view kCommonName = "2.5.4.3";
inline constexpr std::string_view kOrganisationalUnit = "2.5.4.11";
inline constexpr std::string_view kUniqueIdentifier = "2.5.4.45";  // x500UniqueIdentifier

// PrintableString or UTF8String of exactly two hex digits (gbcs-cs02b.md 9.3). Nothing else counts:
// no blank, sign, NUL, full-width digit, "0x02" or decimal "137".
std::optional<std::uint8_t> RoleOfOu(const der::Element& value);
// BIT STRING of 8 octets, no unused bits (gbcs-cs02b.md 9.1).
std::optional<Eui64> EuiOfUniqueIdentifier(const der::Element& value);

// AlgorithmIdentifier of P-256 as named curve, whole.
bool IsNamedP256(BytesView algorithm);
// AlgorithmIdentifier of ecdsa-with-SHA256 without parameters, whole.
bool IsEcdsaSha256(BytesView algorithm);

}  // namespace acb::smki
