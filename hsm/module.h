// A PKCS#11 module, loaded and initialised: once per process.
#pragma once

#include <p11-kit/pkcs11.h>

#include <filesystem>
#include <memory>
#include <type_traits>
#include <utility>

#include "firmware/base/bytes.h"
#include "firmware/base/result.h"
#include "hsm/return_value.h"

namespace acb::hsm {

// PKCS#11 declares the octets that it only reads without const.
inline unsigned char* Octets(BytesView bytes) { return const_cast<unsigned char*>(bytes.data()); }

// Outlives whatever was made with it. Thread-safe.
//
// A process that has one must not fork and go on (ecosystem.md section 3, quirk 12): exec at once.
// It is destroyed before main returns, so that OpenSSL, which SoftHSM shares with us, is still
// there (quirk 13).
class Module {
 public:
  // Loads the module at `path`, with OS locking: without it two threads crash SoftHSM (quirk 1).
  // What the module reads from the environment (SOFTHSM2_CONF) must be set before.
  //
  // Fails with
  //   kConfiguration   `path` is not absolute: what dlopen would find is then not ours to say.
  //   kHsmUnavailable  no such module, no PKCS#11 in it, it does not initialise, or this process
  //   has
  //                    one already.
  static Result<std::unique_ptr<Module>> Load(const std::filesystem::path& path);
  ~Module();
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  // The one way into the module: every call that may block goes through here.
  template <class... Parameters>
  ReturnValue Call(CK_RV (*CK_FUNCTION_LIST::*function)(Parameters...),
                   std::type_identity_t<Parameters>... arguments) const {
    if (functions_->*function == nullptr) return ReturnValue(CKR_FUNCTION_NOT_SUPPORTED);
    return ReturnValue((functions_->*function)(arguments...));
  }

 private:
  struct CloseLibrary {
    void operator()(void* library) const noexcept;
  };
  using Library = std::unique_ptr<void, CloseLibrary>;

  Module(Library library, CK_FUNCTION_LIST* functions)
      : library_(std::move(library)), functions_(functions) {}

  Library library_;
  CK_FUNCTION_LIST* functions_;
};

}  // namespace acb::hsm
