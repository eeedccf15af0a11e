// ECDSA with SHA-256 on P-256: the one algorithm of the SMKI (R-SEC3-5).
#pragma once

#include <openssl/evp.h>

#include <memory>
#include <optional>

#include "firmware/base/bytes.h"
#include "firmware/records.h"

namespace acb::smki {

// 04 || x || y with both coordinates below the field prime, and the point on the curve.
bool IsOnP256(BytesView point);

// RFC 5280 section 4.2.1.2 method (2): 0100 and the low 60 bits of SHA-1 of the point; 8 octets
// (gbcs-cs02b.md 9.1).
Bytes KeyIdentifier(const PublicPoint& point);

// A public key ready to verify. Copies share it; thread-safe.
class VerifyingKey {
 public:
  // Nothing when the point is not on the curve, or the library cannot take it.
  static std::optional<VerifyingKey> From(const PublicPoint& point);

  // `signature`: ECDSA-Sig-Value in strict DER. A superfluous leading zero octet is refused,
  // although two public test device certificates have one (gbcs-cs02b.md 9.4): no organisation
  // certificate does, and a second encoding of one signature would be a second certificate with the
  // same content.
  bool Verify(BytesView message, BytesView signature) const;
  const PublicPoint& point() const { return point_; }

 private:
  VerifyingKey(const PublicPoint& point, std::shared_ptr<EVP_PKEY> key)
      : point_(point), key_(std::move(key)) {}
  PublicPoint point_;
  std::shared_ptr<EVP_PKEY> key_;
};

}  // namespace acb::smki
