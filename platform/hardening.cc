#include "platform/hardening.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace acb::platform {
namespace {

// For a thousand handshakes at once, each with its ephemeral key; within the 8 MiB that a process
// may lock on Debian.
constexpr std::size_t kSecureHeap = 1024 * 1024;
constexpr std::size_t kLeastAllocation = 32;
// CRYPTO_secure_malloc_init(3): 1 is all of it, 2 is without the lock or without a guard page.
constexpr int kAll = 1;

// OpenSSL wipes what it knows to be secret, but not the copies that its readers and encoders make
// on the way (of a key's DER, say): each block is wiped when it is given back.
void WipeAndFree(void* block, const char*, int) {
  if (block == nullptr) return;
  OPENSSL_cleanse(block, ::malloc_usable_size(block));
  std::free(block);
}

void* Allocate(std::size_t size, const char*, int) {
  return size == 0 ? nullptr : std::malloc(size);
}

void* Resize(void* block, std::size_t size, const char* file, int line) {
  if (block == nullptr) return Allocate(size, file, line);
  if (size == 0) {
    WipeAndFree(block, file, line);
    return nullptr;
  }
  const std::size_t held = ::malloc_usable_size(block);
  if (size <= held) return block;
  void* larger = std::malloc(size);
  if (larger == nullptr) return nullptr;
  std::memcpy(larger, block, held);
  WipeAndFree(block, file, line);
  return larger;
}

void Warn(const Log& log, std::string_view what, std::string_view why, std::string_view remedy) {
  log.Warning("hardening", {{"missing", what}, {"why", why}, {"what_to_do", remedy}});
}

}  // namespace

void HardenProcess(const Log& log) {
  const rlimit none{.rlim_cur = 0, .rlim_max = 0};
  if (::setrlimit(RLIMIT_CORE, &none) != 0) {
    Warn(log, "no core dumps", std::strerror(errno), "LimitCORE=0 in the unit");
  }
  // Also what keeps ptrace(2) and /proc/PID/mem from others of the same user.
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
    Warn(log, "not dumpable, not traceable", std::strerror(errno), "nothing else does it");
  }
  if (CRYPTO_set_mem_functions(Allocate, Resize, WipeAndFree) != 1) {
    Warn(log, "wiping of what OpenSSL gives back", "OpenSSL was used before", "report this");
  }
  if (CRYPTO_secure_malloc_init(kSecureHeap, kLeastAllocation) != kAll) {
    Warn(log, "locked memory for secrets", "the memory could not be locked, so it may be swapped",
         "LimitMEMLOCK=8M in the unit, or no swap");
  }
}

}  // namespace acb::platform
