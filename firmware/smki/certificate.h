// An X.509 certificate as it is: strict DER, its fields read once. Whether it follows the SMKI
// profile is another question (profile.h). Immutable, shared between threads.
#pragma once

#include <memory>
#include <mutex>
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

// A name as its attributes in encoding order. Two names are equal when each attribute is: same
// type, same text without regard to ASCII case and to leading, trailing and repeated blanks,
// whether PrintableString or UTF8String (RFC 5280 section 7.1). Characters beyond ASCII are
// compared as they are.
struct Name {
  struct Attribute {
    // Dotted OID; with "+" before it when the attribute shares its RDN with the one before.
    std::string type;
    // RFC 4514: text with blanks folded and special characters escaped, so that it holds no control
    // character; or "#" and the DER in hex for a value that is neither PrintableString nor
    // UTF8String.
    std::string value;
    friend bool operator==(const Attribute& a, const Attribute& b);
  };
  std::vector<Attribute> attributes;
  // RFC 4514 order: last RDN first, "CN=Z1,OU=07".
  std::string Text() const;
  // Equal names, and only they, have equal keys.
  std::string Key() const;
  // RFC 4514 text, as ds:X509IssuerName carries it; blanks around the commas are allowed. The order
  // of RDNs is meaning: "OU=07,CN=Z1" is a name, but not the issuer "CN=Z1,OU=07" (that is what
  // xmlsec1 and Java write for an encoding of OU, CN). Nothing for what is no name, is empty, has
  // two attributes in one RDN, or is longer than 1024 octets.
  static std::optional<Name> FromText(std::string_view text);
  friend bool operator==(const Name&, const Name&) = default;
};

class Certificate {
 public:
  // Refuses, with kProfile, what is not one X.509 certificate in strict DER: trailing octets,
  // non-minimal or indefinite lengths, explicit defaults, padded integers, dates that do not exist,
  // depth, size (8 KiB). Refuses nothing else: RSA, wrong profile, expired all parse.
  static Result<std::shared_ptr<const Certificate>> Parse(BytesView der);
  ~Certificate();

  BytesView der() const;
  const Sha256Digest& sha256() const;
  const Name& issuer() const;
  const Name& subject() const;
  BytesView serial() const;           // content octets of the INTEGER, minimal
  std::string SerialDecimal() const;  // as ds:X509SerialNumber writes it
  // Subject x500UniqueIdentifier, when there is exactly one, of 8 octets.
  std::optional<Eui64> eui64() const;
  // Subject OU, when there is exactly one, of two hex digits.
  std::optional<std::uint8_t> ou_role() const;
  // When the key is P-256, named curve, uncompressed, on the curve.
  std::optional<PublicPoint> public_point() const;
  // The same ready to verify with: made when it is first asked for, then kept.
  const std::optional<VerifyingKey>& verifying_key() const;
  // When keyUsage has exactly one bit, and that is one a cell knows.
  std::optional<KeyUsage> key_usage() const;
  BytesView subject_key_identifier() const;    // empty when absent
  BytesView authority_key_identifier() const;  // keyIdentifier [0]; empty when absent
  UtcTime not_before() const;
  UtcTime not_after() const;
  // "serial 1234 issuer CN=Z1,OU=07 subject EUI-64 90B3D51F30020000": for explanations (R-NOW-14).
  std::string Label() const;

  // The parse as it stands (certificate_fields.h), for the checks in this folder.
  struct Fields;
  const Fields& fields() const { return *fields_; }

 private:
  explicit Certificate(std::unique_ptr<const Fields> fields);
  std::unique_ptr<const Fields> fields_;
  mutable std::once_flag key_made_;
  mutable std::optional<VerifyingKey> key_;  // once key_made_: shared between threads
};

using CertificatePtr = std::shared_ptr<const Certificate>;

}  // namespace acb::smki
