// A revocation list: the CRL of an issuing CA or the ARL of the root (RFC 5280 section 5). Strict
// DER, its entries kept sorted. Immutable, shared between threads.
#pragma once

#include <array>
#include <compare>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "firmware/base/bytes.h"
#include "firmware/base/p256.h"
#include "firmware/base/result.h"
#include "firmware/base/sha256.h"
#include "firmware/base/time.h"
#include "firmware/smki/certificate.h"

namespace acb::smki {

// cRLNumber: up to 20 octets (RFC 5280 section 5.2.3), compared as the number it is.
class CrlNumber {
 public:
  static constexpr std::size_t kOctets = 20;
  // The content octets of an INTEGER. Nothing when negative or longer than 20 octets.
  static std::optional<CrlNumber> FromInteger(BytesView content);
  std::string Text() const;  // decimal up to 64 bits, "0x..." above
  friend auto operator<=>(const CrlNumber&, const CrlNumber&) = default;

 private:
  std::array<std::uint8_t, kOctets> value_{};  // most significant first
};

class RevocationList {
 public:
  // Which certificates the list speaks of (issuingDistributionPoint; all when there is none).
  enum class Scope : std::uint8_t { kAll, kUsersOnly, kAuthoritiesOnly };

  // Refuses, with kCrlStale, what is no complete list in force of RFC 5280: other than strict DER,
  // v1, no nextUpdate, no cRLNumber, another algorithm, an empty revokedCertificates, a delta, a
  // part (some reasons, a distribution point, indirect, attribute certificates), an unknown
  // critical extension of list or entry, a critical cRLNumber or authorityKeyIdentifier. Time,
  // issuer and signature are not looked at. At most 64 MiB.
  //
  // One leniency: a serial number padded with zero octets counts as the number it is. A list thrown
  // out for it would give way to an older one that does not name the certificate.
  static Result<std::shared_ptr<const RevocationList>> Parse(BytesView der);

  BytesView der() const { return der_; }
  const Sha256Digest& sha256() const { return sha256_; }
  const Name& issuer() const { return issuer_; }
  const CrlNumber& number() const { return number_; }
  UtcTime this_update() const { return this_update_; }
  UtcTime next_update() const { return next_update_; }
  Scope scope() const { return scope_; }
  // keyIdentifier of the authorityKeyIdentifier; empty when absent.
  BytesView authority_key_identifier() const { return authority_key_identifier_; }
  std::size_t size() const { return entries_.size(); }

  // Under any reason, known or not (R-SEC3-18). `serial`: content octets of an INTEGER; compared as
  // a number. O(log size).
  bool Lists(BytesView serial) const { return RevokedAt(serial).has_value(); }
  // The revocationDate beside the serial number, which may lie after thisUpdate.
  std::optional<UtcTime> RevokedAt(BytesView serial) const;

  // Reads the whole list: about 2 ms for 100,000 entries.
  bool VerifyBy(const VerifyingKey& key) const;
  bool VerifyBy(const PublicPoint& point) const;

  // "list number 5 of CN=Z1,OU=07, thisUpdate ..., nextUpdate ...": for explanations.
  std::string Label() const;

 private:
  using Serial = std::array<std::uint8_t, CrlNumber::kOctets>;
  struct Entry {
    Serial serial;
    UtcTime revoked{0};
    friend auto operator<=>(const Entry&, const Entry&) = default;
  };
  explicit RevocationList(Bytes der) : der_(std::move(der)) {}
  // Each gives the name of the field that is wrong, or nullptr.
  const char* Read();
  const char* ReadTbs(BytesView content);
  const char* ReadEntries(BytesView content);
  const char* ReadExtensions(BytesView tagged);

  Bytes der_;
  Sha256Digest sha256_{};
  BytesView tbs_;
  BytesView signature_;
  Name issuer_;
  CrlNumber number_;
  UtcTime this_update_{0};
  UtcTime next_update_{0};
  Scope scope_ = Scope::kAll;
  BytesView authority_key_identifier_;
  std::vector<Entry> entries_;  // sorted
};

using RevocationListPtr = std::shared_ptr<const RevocationList>;

}  // namespace acb::smki
