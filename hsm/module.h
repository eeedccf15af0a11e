// A PKCS#11 module, loaded and initialised: once per process.
#pragma once

#include <p11-kit/pkcs11.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <type_traits>
#include <utility>

#include "firmware/base/bytes.h"
#include "firmware/base/result.h"
#include "hsm/return_value.h"

namespace acb::hsm {

class Breaker;

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
    const std::shared_lock inside(gate_);
    return CallInside(function, arguments...);
  }
  // The same with a handle of that generation: one that was given out before the module was
  // initialised anew may by now be somebody else's, and the module is not asked.
  template <class... Parameters>
  ReturnValue CallOf(std::uint64_t generation, CK_RV (*CK_FUNCTION_LIST::*function)(Parameters...),
                     std::type_identity_t<Parameters>... arguments) const {
    const std::shared_lock inside(gate_);
    if (generation != generation_.load()) return ReturnValue(CKR_SESSION_HANDLE_INVALID);
    return CallInside(function, arguments...);
  }

  // C_Finalize and C_Initialize: what a module needs that has lost the service behind it for good.
  // Every session and login is gone then, whatever comes of it. The caller holds the StartLock.
  // Fails with kHsmUnavailable, at once when another thread is in a call: the module is not touched
  // then.
  Status InitialiseAnew() const;
  std::uint64_t generation() const { return generation_.load(); }

  // Whether it said since the last time that a handle of an object is of none: a token that was
  // away and is back may have given its objects new ones. Thread-safe.
  bool TakeHandlesLost() const { return handles_lost_.exchange(false); }

  // Errors of device and sessions are reported to it from now on. Once, before there is a second
  // thread; it outlives the calls, or is taken away again with nullptr.
  void ReportTo(Breaker* breaker) { breaker_ = breaker; }
  Breaker* breaker() const { return breaker_; }
  // What the module gave is wrong, whatever it returned.
  void NoteDeviceError(const std::string& what) const;
  // No session can be had, whatever it returned.
  void NoteSessionError(const std::string& what) const;

 private:
  struct CloseLibrary {
    void operator()(void* library) const noexcept;
  };
  using Library = std::unique_ptr<void, CloseLibrary>;

  Module(Library library, CK_FUNCTION_LIST* functions)
      : library_(std::move(library)), functions_(functions) {}

  template <class... Parameters>
  ReturnValue CallInside(CK_RV (*CK_FUNCTION_LIST::*function)(Parameters...),
                         std::type_identity_t<Parameters>... arguments) const {
    if (functions_->*function == nullptr) return ReturnValue(CKR_FUNCTION_NOT_SUPPORTED);
    const ReturnValue result((functions_->*function)(arguments...));
    if (!result.ok() && breaker_ != nullptr) Report(result);
    return result;
  }
  void Report(ReturnValue result) const;

  Library library_;
  CK_FUNCTION_LIST* functions_;
  Breaker* breaker_ = nullptr;
  mutable std::shared_mutex gate_;  // held shared by every call, alone by InitialiseAnew
  mutable std::atomic<std::uint64_t> generation_{0};
  mutable std::atomic<bool> handles_lost_{false};
};

}  // namespace acb::hsm
