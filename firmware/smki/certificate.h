// An X.509 certificate as it is: strict DER, its fields read once. Whether it follows the SMKI profile
// is another question (profile.h). Immutable, shared between threads.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "firmware/base/bytes.h"
#include "firmware/base/eui64.h"
#include "firmware/base/result.h"
#include "firmware/base/sha256.h"
#include "firmware/base/time.h"
#include "firmware/records.h"

namespace acb::smki {

// A name as a list of attributes in encoding order, values compared as text (RFC 5280 section 7.1:
// PrintableString and UTF8String of the same characters are equal; case and inner blanks folded).
struct Name {
  struct Attribute {
    std::string type;   // dotted OID
    std::string value;  // folded text, or "#" + hex of the DER for a value that is no text
    friend bool operator==(const Attribute&, const Attribute&) = default;
  };
  std::vector<Attribute> attributes;
  // RFC 4514 order: last RDN first, "CN=Z1,OU=07".
  std::string Text() const;
  // RFC 4514 text, as ds:X509IssuerName carries it (blanks after commas allowed). Nothing if it is no name.
  static std::optional<Name> FromText(std::string_view text);
  friend bool operator==(const Name&, const Name&) = default;
};

class Certificate {
 public:
  // Refuses, with kProfile, what is not one X.509 certificate in strict DER: trailing octets,
  // non-minimal or indefinite lengths, explicit defaults, padded integers, depth, size (8 KiB).
  // Refuses nothing else: RSA, wrong profile, expired all parse.
  static Result<std::shared_ptr<const Certificate>> Parse(BytesView der);
  ~Certificate();

  BytesView der() const;
  const Sha256Digest& sha256() const;
  const Name& issuer() const;
  const Name& subject() const;
  BytesView serial() const;              // content octets of the INTEGER, minimal
  std::string SerialDecimal() const;     // as ds:X509SerialNumber writes it
  std::optional<Eui64> eui64() const;    // subject x500UniqueIdentifier, when there is exactly one of 8 octets
  std::optional<std::uint8_t> ou_role() const;  // subject OU, when there is exactly one of two hex digits
  std::optional<PublicPoint> public_point() const;  // when the key is P-256, named curve, uncompressed, on the curve
  std::optional<KeyUsage> key_usage() const;  // when keyUsage has exactly one bit that a cell knows
  BytesView subject_key_identifier() const;    // empty when absent
  BytesView authority_key_identifier() const;  // keyIdentifier [0]; empty when absent
  UtcTime not_before() const;
  UtcTime not_after() const;
  // "serial 1234 issuer CN=Z1,OU=07 subject EUI-64 90B3D51F30020000": for explanations (R-NOW-14).
  std::string Label() const;

 private:
  // ... (the implementation's own; may hold an X509*)
  struct Fields;
  explicit Certificate(std::unique_ptr<Fields> fields);
  std::unique_ptr<Fields> fields_;
};

using CertificatePtr = std::shared_ptr<const Certificate>;

}  // namespace acb::smki
