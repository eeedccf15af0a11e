// A P-256 private key outside the module: one made for a known-answer test, or a published test key
// on its way into the token. Never an ACB key of a live appliance.
#pragma once

#include <openssl/evp.h>

#include "firmware/base/handle.h"
#include "firmware/base/result.h"
#include "firmware/base/secret.h"
#include "firmware/records.h"

namespace acb::hsm {

class SoftwareKey {
 public:
  // A new key. Fails with kHsmUnavailable when OpenSSL cannot make one.
  static Result<SoftwareKey> Generate();
  // One unencrypted private key as PEM or DER (PKCS#8 or SEC 1); never asks for a passphrase. Fails
  // with kConfiguration when the file holds none, or one of another curve.
  static Result<SoftwareKey> FromFile(const Secret& file);

  const PublicPoint& point() const { return point_; }
  // 32 octets, most significant first. Fails with kHsmUnavailable.
  Result<Secret> Scalar() const;
  // The x coordinate of key * point: 32 octets. Fails with kHsmUnavailable, also for a point that
  // is not on the curve.
  Result<Secret> Agree(const PublicPoint& point) const;

 private:
  using Pkey = Handle<EVP_PKEY, EVP_PKEY_free>;
  SoftwareKey(Pkey key, const PublicPoint& point) : key_(std::move(key)), point_(point) {}
  Pkey key_;
  PublicPoint point_;
};

}  // namespace acb::hsm
