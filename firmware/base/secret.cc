#include "firmware/base/secret.h"

#include <openssl/crypto.h>

#include <utility>

namespace acb {

void Secret::Wipe() noexcept { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

Secret::~Secret() { Wipe(); }

// Moving a vector moves its buffer: the octets stay where they are and have one owner.
Secret::Secret(Secret&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    Wipe();
    bytes_ = std::exchange(other.bytes_, {});
  }
  return *this;
}

}  // namespace acb
