#include "firmware/base/sha256.h"

#include <openssl/evp.h>

#include <cstdlib>

#include "firmware/base/handle.h"

namespace acb {

Sha256Digest Sha256(BytesView bytes) { return Sha256({bytes}); }

Sha256Digest Sha256(std::initializer_list<BytesView> parts) {
  Sha256Digest digest;
  const Handle<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  bool ok = context && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1;
  for (const BytesView part : parts) {
    ok = ok && EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1;
  }
  ok = ok && EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) == 1;
  if (!ok) std::abort();  // SHA-256 fails only without memory or without a provider
  return digest;
}

}  // namespace acb
