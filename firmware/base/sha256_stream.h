// SHA-256 of octets that come piece by piece.
#pragma once

#include <openssl/evp.h>

#include "firmware/base/handle.h"
#include "firmware/base/sha256.h"

namespace acb {

// One thread at a time.
class Sha256Stream {
 public:
  Sha256Stream();
  void Update(BytesView piece);
  // Once, and nothing after it but Restart.
  Sha256Digest Finish();
  // For other octets, in the same memory. Public ones: their digest is not wiped.
  void Restart();

 private:
  Handle<EVP_MD_CTX, EVP_MD_CTX_free> context_;
};

}  // namespace acb
