#include "hsm/public_key.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstdlib>

#include "firmware/base/spki.h"

namespace acb::hsm {
namespace {

using Key = Handle<EVP_PKEY, EVP_PKEY_free>;
using DigestContext = Handle<EVP_MD_CTX, EVP_MD_CTX_free>;

bool VerifyP256(const PublicKey& key, BytesView message, BytesView signature) {
  const auto verifying = PrepareToVerify(key);
  return verifying && verifying->VerifyRaw(message, signature);
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

constexpr std::size_t kEd25519Octets = 32;

BytesView SpkiPrefix(KeyAlgorithm algorithm) {
  return algorithm == KeyAlgorithm::kP256 ? BytesView(kP256SpkiPrefix)
                                          : BytesView(kEd25519SpkiPrefix);
}
std::size_t KeyOctets(KeyAlgorithm algorithm) {
  return algorithm == KeyAlgorithm::kP256 ? sizeof(PublicPoint) : kEd25519Octets;
}

}  // namespace

PublicPoint ToPoint(const PublicKey& key) {
  PublicPoint point;
  if (key.algorithm != KeyAlgorithm::kP256 || key.octets.size() != point.size()) std::abort();
  std::ranges::copy(key.octets, point.begin());
  return point;
}

Bytes ToSpki(const PublicKey& key) {
  Bytes der = ToBytes(SpkiPrefix(key.algorithm));
  der.insert(der.end(), key.octets.begin(), key.octets.end());
  return der;
}

std::optional<PublicKey> FromSpki(BytesView der) {
  for (const KeyAlgorithm algorithm : {KeyAlgorithm::kP256, KeyAlgorithm::kEd25519}) {
    const BytesView prefix = SpkiPrefix(algorithm);
    if (der.size() != prefix.size() + KeyOctets(algorithm) ||
        !Equal(der.first(prefix.size()), prefix)) {
      continue;
    }
    const BytesView key = der.subspan(prefix.size());
    if (algorithm == KeyAlgorithm::kP256 && !IsOnP256(key)) return std::nullopt;
    return PublicKey{algorithm, ToBytes(key)};
  }
  return std::nullopt;
}

std::optional<VerifyingKey> PrepareToVerify(const PublicKey& key) {
  if (key.algorithm != KeyAlgorithm::kP256) return std::nullopt;
  return VerifyingKey::From(ToPoint(key));
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
