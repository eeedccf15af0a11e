// Certificates and revocation lists with any one field changed, built octet by octet.
#pragma once

#include <openssl/evp.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/base/bytes.h"
#include "firmware/records.h"
#include "firmware/smki/certificate.h"
#include "firmware/smki/revocation_list.h"

namespace acb::smki::testing {

Bytes Tlv(std::uint8_t tag, BytesView content);
Bytes Join(std::initializer_list<Bytes> parts);
Bytes Seq(std::initializer_list<Bytes> parts);
Bytes Hex(std::string_view hex);
Bytes Utf8(std::string_view text);
Bytes Printable(std::string_view text);
Bytes Oid(std::string_view dotted);
Bytes Rdn(std::string_view type, const Bytes& value);
Bytes Ext(std::string_view id, const Bytes& value, bool critical);

// A P-256 key pair.
class TestKey {
 public:
  TestKey();
  PublicPoint point() const;
  Bytes Sign(BytesView message) const;  // ECDSA-Sig-Value

 private:
  std::shared_ptr<EVP_PKEY> key_;
};

// "OU=07, CN=<cn>" in encoding order.
Bytes AuthorityName(std::string_view ou, std::string_view cn);

// Starts as a good digital signing certificate of a supplier. Every field is DER, whole.
struct CertificateBuilder {
  explicit CertificateBuilder(const TestKey& subject_key);
  // As a good issuing CA, or root (signer = subject_key).
  static CertificateBuilder Authority(const TestKey& subject_key, std::string_view ou,
                                      std::string_view cn);

  void IssuedBy(const Bytes& name, const PublicPoint& key);
  Bytes Build(const TestKey& signer) const;
  // Signed by a key nobody has: for checks that look at no signature.
  CertificatePtr Parsed() const;

  Bytes version;
  Bytes serial;
  Bytes inner_algorithm;
  Bytes outer_algorithm;
  Bytes issuer;
  Bytes validity;
  Bytes subject;
  Bytes spki;
  Bytes unique_ids;  // [1] and [2]
  Bytes basic_constraints;
  Bytes key_usage;
  Bytes ski;
  Bytes policies;
  Bytes aki;
  Bytes more_extensions;
};

// Starts as a good, empty list number 5, in force from 2026-11-21T11:00:00Z for 13 hours.
struct ListBuilder {
  ListBuilder(const Bytes& issuer_name, const PublicPoint& issuer_key);
  void Revoke(const Bytes& serial_integer, const Bytes& entry_extensions = {});
  Bytes Build(const TestKey& signer) const;

  Bytes version;
  Bytes algorithm;
  Bytes issuer;
  Bytes this_update;
  Bytes next_update;
  std::optional<Bytes> entries;  // content of revokedCertificates
  Bytes aki;
  Bytes number;
  Bytes more_extensions;
};
Bytes CrlNumberExtension(const Bytes& integer);
Bytes Time(std::string_view utc);  // "261121110000Z" UTCTime; 15 characters: GeneralizedTime

inline constexpr std::string_view kPolicy = "1.2.826.0.1.8641679.1.2.1.4";

}  // namespace acb::smki::testing
