// One session with a token, and what is asked of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "firmware/base/bytes.h"
#include "firmware/base/result.h"
#include "firmware/base/secret.h"
#include "firmware/records.h"
#include "hsm/module.h"

namespace acb::hsm {

enum class SessionAccess { kReadOnly, kReadWrite };

// Move only; closed on destruction, which does not log out (Login does that, and outlives it). One
// thread at a time: two threads in one session crash SoftHSM (ecosystem.md section 3, quirk 1).
// Every call blocks for the module and fails with kHsmUnavailable unless said otherwise.
class Session {
 public:
  static Result<Session> Open(const Module& module, CK_SLOT_ID slot, SessionAccess access);
  ~Session() { Close(); }
  Session(Session&& other) noexcept;
  Session& operator=(Session&& other) noexcept;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // False once a call has failed: an operation may then be active that cannot be ended (quirk 9),
  // and the session is to be closed.
  bool usable() const { return usable_; }
  // Whether the token takes it for its user's. Private objects do not exist to one that is not.
  Result<bool> IsLoggedIn();
  // Another session of the same kind takes the place of this one, which is closed. When none can be
  // opened this one stays, and is not usable.
  Status Renew();
  const Module& module() const { return *module_; }

  // A signature of exactly `size` octets, or a failure. Not verified here.
  Result<Bytes> Sign(CK_MECHANISM_TYPE mechanism, CK_OBJECT_HANDLE key, BytesView input,
                     std::size_t size);

  // The x coordinate of key * point: 32 octets, most significant first. The point is on the curve:
  // modules differ in what they do otherwise (quirk 7).
  Result<Secret> DeriveEcdh(CK_OBJECT_HANDLE key, const PublicPoint& point);

  // Every object with these attributes; more than `limit` are a failure.
  Result<std::vector<CK_OBJECT_HANDLE>> Find(std::span<CK_ATTRIBUTE> wanted,
                                             std::size_t limit = kMaxFound);
  // At most `limit` octets.
  Result<Bytes> Read(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
                     std::size_t limit = kMaxAttribute);
  Result<bool> ReadFlag(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type);
  Result<unsigned long> ReadNumber(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type);
  Status Destroy(CK_OBJECT_HANDLE object);

  // Any other function that takes a session first.
  template <class... Parameters>
  ReturnValue Call(CK_RV (*CK_FUNCTION_LIST::*function)(CK_SESSION_HANDLE, Parameters...),
                   std::type_identity_t<Parameters>... arguments) {
    const ReturnValue result = module_->CallOf(generation_, function, handle_, arguments...);
    if (!result.ok()) usable_ = false;
    return result;
  }

  static constexpr std::size_t kMaxFound = 16;
  static constexpr std::size_t kMaxAttribute = 256;

 private:
  Session(const Module& module, CK_SLOT_ID slot, SessionAccess access, CK_SESSION_HANDLE handle,
          std::uint64_t generation)
      : module_(&module), slot_(slot), access_(access), handle_(handle), generation_(generation) {}
  void Close() noexcept;
  Result<Secret> ReadSecret(CK_OBJECT_HANDLE object);
  // kHsmUnavailable; the session is of no use any more.
  Failure Unusable(std::string detail);
  // The same of a result that no sound module gives: the breaker counts it.
  Failure Garbled(std::string detail);

  const Module* module_;
  CK_SLOT_ID slot_;
  SessionAccess access_;
  CK_SESSION_HANDLE handle_;
  std::uint64_t generation_;  // of the module when the handle was given out
  bool usable_ = true;
};

}  // namespace acb::hsm
