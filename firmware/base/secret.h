// Octets that are wiped when they are no longer needed: PINs, ECDH secrets, MAC keys (promise P7).
#pragma once

#include <memory>

#include "firmware/base/bytes.h"

namespace acb {

// Move only. The buffer is wiped on destruction and when it is moved away from. It never grows, so
// no copy is left behind by a reallocation. It lies in OpenSSL's secure heap where the process has
// made one that has room (platform/hardening.h): never swapped out, not in a core, between guard
// pages; else in ordinary memory.
class Secret {
 public:
  explicit Secret(std::size_t size);  // of zeros; ends the process when there is no memory
  ~Secret() = default;
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;

  std::span<std::uint8_t> Writable() { return {octets_.get(), size()}; }
  BytesView View() const { return {octets_.get(), size()}; }
  std::size_t size() const { return octets_.get_deleter().size; }

 private:
  struct Wipe {
    std::size_t size = 0;
    void operator()(std::uint8_t* octets) const noexcept;
  };
  std::unique_ptr<std::uint8_t[], Wipe> octets_;
};

}  // namespace acb
