#include "hsm/software_key.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <climits>
#include <optional>
#include <string>

#include "firmware/base/p256.h"

namespace acb::hsm {
namespace {

using Pkey = Handle<EVP_PKEY, EVP_PKEY_free>;
using Bio = Handle<BIO, BIO_free_all>;
using SecretNumber = Handle<BIGNUM, BN_clear_free>;

Failure CryptoFailure(const char* function) {
  ERR_clear_error();
  return Failure{Reason::kHsmUnavailable, {}, std::string(function) + " failed"};
}

// Nothing when `key` is no P-256 key.
std::optional<PublicPoint> PointOf(const EVP_PKEY* key) {
  char group[64];
  std::size_t size = 0;
  if (EVP_PKEY_get_group_name(key, group, sizeof group, &size) != 1) return std::nullopt;
  if (OBJ_sn2nid(group) != NID_X9_62_prime256v1) return std::nullopt;
  PublicPoint point;
  // Uncompressed, unless the file asked for another form.
  if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size(),
                                      &size) != 1) {
    return std::nullopt;
  }
  if (size != point.size() || !IsOnP256(point)) return std::nullopt;
  return point;
}

// For a file that is encrypted: no passphrase, instead of a question on the terminal.
int NoPassphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*user*/) { return -1; }

Pkey ReadPem(BytesView file) {
  const Bio bio(BIO_new_mem_buf(file.data(), static_cast<int>(file.size())));
  return Pkey(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, nullptr) : nullptr);
}

Pkey ReadDer(BytesView file) {
  const unsigned char* start = file.data();
  return Pkey(d2i_AutoPrivateKey(nullptr, &start, static_cast<long>(file.size())));
}

}  // namespace

Result<SoftwareKey> SoftwareKey::Generate() {
  Pkey key(EVP_EC_gen("P-256"));
  if (!key) return CryptoFailure("EVP_EC_gen");
  const auto point = PointOf(key.get());
  if (!point) return CryptoFailure("EVP_PKEY_get_octet_string_param");
  return SoftwareKey(std::move(key), *point);
}

Result<SoftwareKey> SoftwareKey::FromFile(const Secret& file) {
  constexpr std::size_t kMaxKeyFile = 64 * 1024;
  static_assert(kMaxKeyFile <= INT_MAX);
  const Failure unfit{Reason::kConfiguration, {}, "the file holds no P-256 private key"};
  if (file.size() > kMaxKeyFile) return unfit;
  Pkey key = ReadPem(file.View());
  if (!key) key = ReadDer(file.View());
  const auto point = key ? PointOf(key.get()) : std::nullopt;
  ERR_clear_error();
  if (!point) return unfit;
  return SoftwareKey(std::move(key), *point);
}

Result<Secret> SoftwareKey::Scalar() const {
  BIGNUM* number = nullptr;
  if (EVP_PKEY_get_bn_param(key_.get(), OSSL_PKEY_PARAM_PRIV_KEY, &number) != 1) {
    return CryptoFailure("EVP_PKEY_get_bn_param");
  }
  const SecretNumber owned(number);
  Secret scalar(kP256ScalarOctets);
  if (BN_bn2binpad(number, scalar.Writable().data(), static_cast<int>(kP256ScalarOctets)) !=
      static_cast<int>(kP256ScalarOctets)) {
    return CryptoFailure("BN_bn2binpad");
  }
  return scalar;
}

Result<Secret> SoftwareKey::Agree(const PublicPoint& point) const {
  if (!IsOnP256(point)) return Failure{Reason::kHsmUnavailable, {}, "the point is not on P-256"};
  auto secret = AgreeP256(*key_, point);
  if (!secret) return CryptoFailure("EVP_PKEY_derive");
  return *std::move(secret);
}

}  // namespace acb::hsm
