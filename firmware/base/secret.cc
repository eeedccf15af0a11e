#include "firmware/base/secret.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace acb {
namespace {

std::uint8_t* Allocate(std::size_t size) {
  const std::size_t octets = std::max<std::size_t>(size, 1);
  void* place = OPENSSL_secure_zalloc(octets);
  // The secure heap is full, or too small for this one.
  if (place == nullptr) place = OPENSSL_zalloc(octets);
  if (place == nullptr) std::abort();  // out of memory
  return static_cast<std::uint8_t*>(place);
}

}  // namespace

// Of either heap: OpenSSL knows which.
void Secret::Wipe::operator()(std::uint8_t* octets) const noexcept {
  OPENSSL_secure_clear_free(octets, std::max<std::size_t>(size, 1));
}

Secret::Secret(std::size_t size) : octets_(Allocate(size), Wipe{size}) {}

// The octets stay where they are and have one owner; what is moved away from is empty.
Secret::Secret(Secret&& other) noexcept
    : octets_(other.octets_.release(), std::exchange(other.octets_.get_deleter(), Wipe{})) {}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    octets_.reset();
    octets_.get_deleter() = std::exchange(other.octets_.get_deleter(), Wipe{});
    octets_.reset(other.octets_.release());
  }
  return *this;
}

}  // namespace acb
