// A PKCS#11 token by raw calls: what the floor and the peers of the benchmarks use instead of hsm/,
// so that nothing of ours lies between the clock and the module. No PKCS#11 in this header.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "firmware/base/p256.h"
#include "firmware/base/result.h"
#include "firmware/base/secret.h"
#include "firmware/base/sha256.h"

namespace acb::bench {

struct TokenPlace {
  std::filesystem::path module_path;
  std::string label;
  Secret pin{0};
};

// Works in a process of its own and beside an hsm::Hsm: a module that is initialised and a token
// that is logged in to are used as they are, and left so. Thread-safe; every call blocks for the
// module and fails with kHsmUnavailable.
class RawToken {
 public:
  // The ACB's keys, found by their labels. What the module reads from the environment
  // (SOFTHSM2_CONF) is set before.
  static Result<std::unique_ptr<RawToken>> Open(const TokenPlace& place);
  // Before main returns, and before an hsm::Hsm that was opened first.
  ~RawToken();
  RawToken(const RawToken&) = delete;
  RawToken& operator=(const RawToken&) = delete;

  const PublicPoint& signing_point() const;

  struct Module;
  // One thread at a time. Closed on destruction.
  class Session {
   public:
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    // C_SignInit and C_Sign with CKM_ECDSA by the digital signing key. Not verified.
    Result<EcdsaSignature> Sign(const Sha256Digest& digest);
    // C_DeriveKey with CKM_ECDH1_DERIVE by the key agreement key; the secret is read (it is of no
    // use otherwise) and destroyed (or the module's objects pile up).
    Result<Secret> Derive(const PublicPoint& peer);

   private:
    friend class RawToken;
    Session(const Module& module, unsigned long handle) : module_(module), handle_(handle) {}
    const Module& module_;
    unsigned long handle_;
  };
  Result<std::unique_ptr<Session>> OpenSession() const;

 private:
  explicit RawToken(std::unique_ptr<Module> module);
  std::unique_ptr<Module> module_;
};

}  // namespace acb::bench
