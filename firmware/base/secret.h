// Octets that are wiped when they are no longer needed: PINs, ECDH secrets, MAC keys (promise P7).
#pragma once

#include "firmware/base/bytes.h"

namespace acb {

// Move only. The buffer is wiped on destruction and when it is moved away from. It never grows, so
// no copy is left behind by a reallocation.
class Secret {
 public:
  explicit Secret(std::size_t size) : bytes_(size) {}
  ~Secret();
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;

  std::span<std::uint8_t> Writable() { return bytes_; }
  BytesView View() const { return bytes_; }
  std::size_t size() const { return bytes_.size(); }

 private:
  void Wipe() noexcept;
  Bytes bytes_;
};

}  // namespace acb
