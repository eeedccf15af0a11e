#include "firmware/smki/p256.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>

#include "firmware/base/handle.h"
#include "firmware/smki/der.h"

namespace acb::smki {
namespace {

using Number = Handle<BIGNUM, BN_free>;

// b of y^2 = x^3 - 3x + b: FIPS 186-4, D.1.2.3.
constexpr std::array<std::uint8_t, 32> kCurveB = {
    0x5a, 0xc6, 0x35, 0xd8, 0xaa, 0x3a, 0x93, 0xe7, 0xb3, 0xeb, 0xbd, 0x55, 0x76, 0x98, 0x86, 0xbc,
    0x65, 0x1d, 0x06, 0xb0, 0xcc, 0x53, 0xb0, 0xf6, 0x3b, 0xce, 0x3c, 0x3e, 0x27, 0xd2, 0x60, 0x4b};

Number ToNumber(BytesView octets) {
  return Number(BN_bin2bn(octets.data(), static_cast<int>(octets.size()), nullptr));
}

bool IsSoundSignatureValue(BytesView signature) {
  if (der::FindFault(signature)) return false;
  der::Reader outer(signature);
  der::Reader values(outer.Take(der::kSequence));
  const der::Element r = values.Take(der::kInteger);
  const der::Element s = values.Take(der::kInteger);
  const auto negative = [](const der::Element& e) { return (e.content[0] & 0x80) != 0; };
  return outer.Finished() && values.Finished() && !negative(r) && !negative(s);
}

}  // namespace

bool IsOnP256(BytesView point) {
  if (point.size() != std::tuple_size_v<PublicPoint> || point[0] != 0x04) return false;
  const BIGNUM* p = BN_get0_nist_prime_256();
  const Number x = ToNumber(point.subspan(1, 32));
  const Number y = ToNumber(point.subspan(33, 32));
  const Number b = ToNumber(kCurveB);
  const Number left(BN_new());
  const Number right(BN_new());
  const Number triple(BN_new());
  const Handle<BN_CTX, BN_CTX_free> scratch(BN_CTX_new());
  if (!x || !y || !b || !left || !right || !triple || !scratch) return false;
  if (BN_cmp(x.get(), p) >= 0 || BN_cmp(y.get(), p) >= 0) return false;
  const bool computed = BN_mod_sqr(left.get(), y.get(), p, scratch.get()) == 1 &&
                        BN_mod_sqr(right.get(), x.get(), p, scratch.get()) == 1 &&
                        BN_mod_mul(right.get(), right.get(), x.get(), p, scratch.get()) == 1 &&
                        BN_copy(triple.get(), x.get()) != nullptr &&
                        BN_mul_word(triple.get(), 3) == 1 &&
                        BN_mod_sub(right.get(), right.get(), triple.get(), p, scratch.get()) == 1 &&
                        BN_mod_add(right.get(), right.get(), b.get(), p, scratch.get()) == 1;
  return computed && BN_cmp(left.get(), right.get()) == 0;
}

Bytes KeyIdentifier(const PublicPoint& point) {
  constexpr std::size_t kSize = 8;
  std::array<std::uint8_t, SHA_DIGEST_LENGTH> digest;
  SHA1(point.data(), point.size(), digest.data());
  Bytes identifier(digest.end() - kSize, digest.end());
  identifier[0] = static_cast<std::uint8_t>(0x40 | (identifier[0] & 0x0f));
  return identifier;
}

std::optional<VerifyingKey> VerifyingKey::From(const PublicPoint& point) {
  if (!IsOnP256(point)) return std::nullopt;
  const Handle<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> builder(OSSL_PARAM_BLD_new());
  if (!builder ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                       point.size()) != 1) {
    return std::nullopt;
  }
  const Handle<OSSL_PARAM, OSSL_PARAM_free> parameters(OSSL_PARAM_BLD_to_param(builder.get()));
  const Handle<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(
      EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* key = nullptr;
  if (!parameters || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1) {
    ERR_clear_error();
    return std::nullopt;
  }
  return VerifyingKey(point, std::shared_ptr<EVP_PKEY>(key, EVP_PKEY_free));
}

bool VerifyingKey::Verify(BytesView message, BytesView signature) const {
  if (!IsSoundSignatureValue(signature)) return false;
  const Handle<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  if (!context ||
      EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) != 1) {
    ERR_clear_error();
    return false;
  }
  const bool good = EVP_DigestVerify(context.get(), signature.data(), signature.size(),
                                     message.data(), message.size()) == 1;
  if (!good) ERR_clear_error();
  return good;
}

}  // namespace acb::smki
