#include "firmware/base/sha256.h"

#include <openssl/evp.h>

#include <cstdlib>

#include "firmware/base/sha256_stream.h"

namespace acb {
namespace {

// SHA-256 fails only without memory or without a provider.
void Must(bool done) {
  if (!done) std::abort();
}

// Fetched once and for good: EVP_sha256() would have each Init look for it again, under a lock that
// all threads share (crypto(7), "Performance").
const EVP_MD* Algorithm() {
  static EVP_MD* const kFetched = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  Must(kFetched != nullptr);
  return kFetched;
}

}  // namespace

Sha256Digest Sha256(BytesView bytes) { return Sha256({bytes}); }

Sha256Digest Sha256(std::initializer_list<BytesView> parts) {
  Sha256Stream stream;
  for (const BytesView part : parts) stream.Update(part);
  return stream.Finish();
}

Sha256Stream::Sha256Stream() : context_(EVP_MD_CTX_new()) {
  Must(context_ && EVP_DigestInit_ex2(context_.get(), Algorithm(), nullptr) == 1);
}

void Sha256Stream::Restart() {
  Must(EVP_DigestInit_ex2(context_.get(), Algorithm(), nullptr) == 1);
}

void Sha256Stream::Update(BytesView piece) {
  Must(EVP_DigestUpdate(context_.get(), piece.data(), piece.size()) == 1);
}

Sha256Digest Sha256Stream::Finish() {
  Sha256Digest digest;
  Must(EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr) == 1);
  return digest;
}

}  // namespace acb
