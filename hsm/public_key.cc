#include "hsm/public_key.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>

#include <algorithm>
#include <cstdlib>

#include "firmware/gbcs/mac.h"

namespace acb::hsm {
namespace {

using Group = Handle<EC_GROUP, EC_GROUP_free>;
using Point = Handle<EC_POINT, EC_POINT_free>;
using Key = Handle<EVP_PKEY, EVP_PKEY_free>;
using DigestContext = Handle<EVP_MD_CTX, EVP_MD_CTX_free>;

constexpr std::uint8_t kUncompressed = 0x04;

bool VerifyP256(const PublicKey& key, BytesView message, BytesView signature) {
  gbcs::Signature fixed;
  if (signature.size() != fixed.size()) return false;
  std::ranges::copy(signature, fixed.begin());
  return gbcs::VerifySignature(message, fixed, ToPoint(key));
}

bool VerifyEd25519(const PublicKey& key, BytesView message, BytesView signature) {
  const Key public_key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.octets.data(), key.octets.size()));
  const DigestContext context(EVP_MD_CTX_new());
  return public_key && context &&
         EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, public_key.get()) == 1 &&
         EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(),
                          message.size()) == 1;
}

}  // namespace

bool IsOnP256(const PublicPoint& point) {
  if (point[0] != kUncompressed) return false;
  const Group group(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  const Point parsed(group ? EC_POINT_new(group.get()) : nullptr);
  // Checks the curve's equation as it reads.
  return parsed &&
         EC_POINT_oct2point(group.get(), parsed.get(), point.data(), point.size(), nullptr) == 1;
}

PublicPoint ToPoint(const PublicKey& key) {
  PublicPoint point;
  if (key.algorithm != KeyAlgorithm::kP256 || key.octets.size() != point.size()) std::abort();
  std::ranges::copy(key.octets, point.begin());
  return point;
}

bool Verify(const PublicKey& key, BytesView message, BytesView signature) {
  switch (key.algorithm) {
    case KeyAlgorithm::kP256:
      return VerifyP256(key, message, signature);
    case KeyAlgorithm::kEd25519:
      return VerifyEd25519(key, message, signature);
  }
  return false;
}

}  // namespace acb::hsm
