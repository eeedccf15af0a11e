#include "firmware/base/p256.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/params.h>

#include <algorithm>

#include "firmware/base/handle.h"

namespace acb {
namespace {

using Group = Handle<EC_GROUP, EC_GROUP_free>;
using Point = Handle<EC_POINT, EC_POINT_free>;
using Numbers = Handle<BN_CTX, BN_CTX_free>;
using KeyContext = Handle<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using DigestContext = Handle<EVP_MD_CTX, EVP_MD_CTX_free>;

constexpr std::uint8_t kUncompressed = 0x04;
constexpr std::uint8_t kSequence = 0x30;
constexpr std::uint8_t kInteger = 0x02;
constexpr std::uint8_t kSignBit = 0x80;
// An INTEGER of 32 octets and the zero octet that keeps it positive; every length has one octet.
constexpr std::size_t kMaxInteger = kP256ScalarOctets + 1;
static_assert(2 * (2 + kMaxInteger) < 0x80);

using Scalar = std::array<std::uint8_t, kP256ScalarOctets>;

// The order n: FIPS 186-4, D.1.2.3.
constexpr Scalar kOrder = {0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff,
                           0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
                           0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};

// 1 .. n-1. Public values: comparing in variable time gives nothing away.
bool IsScalar(BytesView value) {
  const bool zero = std::ranges::all_of(value, [](std::uint8_t octet) { return octet == 0; });
  return !zero && std::ranges::lexicographical_compare(value, kOrder);
}

// Takes one INTEGER off the front of `rest`: strict DER, not negative, at most 32 octets of value.
bool TakeScalar(BytesView& rest, std::span<std::uint8_t> scalar) {
  if (rest.size() < 2 || rest[0] != kInteger) return false;
  const std::size_t size = rest[1];
  if (size == 0 || size > kMaxInteger || rest.size() - 2 < size) return false;
  BytesView value = rest.subspan(2, size);
  rest = rest.subspan(2 + size);
  if ((value[0] & kSignBit) != 0) return false;
  if (value.size() > 1 && value[0] == 0) {
    if ((value[1] & kSignBit) == 0) return false;  // padded
    value = value.subspan(1);
  }
  if (value.size() > scalar.size()) return false;
  std::ranges::fill(scalar, std::uint8_t{0});
  std::ranges::copy(value, scalar.last(value.size()).begin());
  return true;
}

void AppendScalar(BytesView value, Bytes& out) {
  while (value.size() > 1 && value[0] == 0) value = value.subspan(1);
  const bool sign = (value[0] & kSignBit) != 0;
  out.push_back(kInteger);
  out.push_back(static_cast<std::uint8_t>(value.size() + (sign ? 1 : 0)));
  if (sign) out.push_back(0);
  out.insert(out.end(), value.begin(), value.end());
}

// Nullptr when OpenSSL has no memory. Only read once it is made, which takes as long as a hundred
// looks at a point.
const EC_GROUP* P256() {
  static const Group group(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  return group.get();
}

// What OpenSSL needs room for to look at a point. Public values only.
struct PointScratch {
  const Point point{P256() ? EC_POINT_new(P256()) : nullptr};
  const Numbers numbers{BN_CTX_new()};
};

}  // namespace

bool IsOnP256(BytesView point) {
  if (point.size() != std::tuple_size_v<PublicPoint> || point[0] != kUncompressed) return false;
  // Each thread keeps its own: getting the room took longer than the look (an import looks at each
  // row's point). Nothing of one look is used by the next.
  thread_local const PointScratch scratch;
  // Also refuses coordinates that are not below p.
  const bool on_curve = scratch.point && scratch.numbers &&
                        EC_POINT_oct2point(P256(), scratch.point.get(), point.data(), point.size(),
                                           scratch.numbers.get()) == 1;
  if (!on_curve) ERR_clear_error();
  return on_curve;
}

std::optional<EcdsaSignature> ReadSigValue(BytesView der) {
  if (der.size() < 2 || der[0] != kSequence || der[1] != der.size() - 2) return std::nullopt;
  EcdsaSignature signature;
  const std::span<std::uint8_t> octets(signature);
  BytesView rest = der.subspan(2);
  if (!TakeScalar(rest, octets.first(kP256ScalarOctets)) ||
      !TakeScalar(rest, octets.last(kP256ScalarOctets)) || !rest.empty()) {
    return std::nullopt;
  }
  return signature;
}

Bytes WriteSigValue(const EcdsaSignature& signature) {
  Bytes der = {kSequence, 0};
  AppendScalar(BytesView(signature).first(kP256ScalarOctets), der);
  AppendScalar(BytesView(signature).last(kP256ScalarOctets), der);
  der[1] = static_cast<std::uint8_t>(der.size() - 2);
  return der;
}

std::optional<VerifyingKey> VerifyingKey::From(const PublicPoint& point) {
  if (!IsOnP256(point)) return std::nullopt;
  char group[] = "prime256v1";
  PublicPoint octets = point;
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, octets.data(), octets.size()),
      OSSL_PARAM_construct_end()};
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* key = nullptr;
  if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1) {
    ERR_clear_error();
    return std::nullopt;
  }
  return VerifyingKey(point, std::shared_ptr<EVP_PKEY>(key, EVP_PKEY_free));
}

bool VerifyingKey::VerifyRaw(BytesView message, const EcdsaSignature& signature) const {
  const BytesView octets(signature);
  if (!IsScalar(octets.first(kP256ScalarOctets)) || !IsScalar(octets.last(kP256ScalarOctets))) {
    return false;
  }
  const Bytes der = WriteSigValue(signature);  // what OpenSSL takes
  const DigestContext context(EVP_MD_CTX_new());
  const bool good =
      context &&
      EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1 &&
      EVP_DigestVerify(context.get(), der.data(), der.size(), message.data(), message.size()) == 1;
  if (!good) ERR_clear_error();
  return good;
}

bool VerifyingKey::VerifyRaw(BytesView message, BytesView signature) const {
  EcdsaSignature fixed;
  if (signature.size() != fixed.size()) return false;
  std::ranges::copy(signature, fixed.begin());
  return VerifyRaw(message, fixed);
}

bool VerifyingKey::VerifyDer(BytesView message, BytesView sig_value) const {
  const auto signature = ReadSigValue(sig_value);
  return signature && VerifyRaw(message, *signature);
}

std::optional<Secret> AgreeP256(EVP_PKEY& own, const PublicPoint& peer) {
  // Before any derivation: a point off the curve would give the private key away.
  const auto other = VerifyingKey::From(peer);
  if (!other) return std::nullopt;
  const KeyContext context(EVP_PKEY_CTX_new(&own, nullptr));
  Secret secret(kP256ScalarOctets);
  std::size_t size = secret.size();
  if (!context || EVP_PKEY_derive_init(context.get()) != 1 ||
      EVP_PKEY_derive_set_peer(context.get(), other->handle()) != 1 ||
      EVP_PKEY_derive(context.get(), secret.Writable().data(), &size) != 1 ||
      size != secret.size()) {
    ERR_clear_error();
    return std::nullopt;
  }
  return secret;
}

}  // namespace acb
