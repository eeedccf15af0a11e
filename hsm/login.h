// The login to a token, and the lock that starts must hold.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>

#include "firmware/base/masked_secret.h"
#include "firmware/base/result.h"
#include "hsm/module.h"
#include "hsm/session.h"
#include "hsm/token.h"

namespace acb::hsm {

// A lock between processes, held until destroyed (or the process ends, however it ends).
//
// C_Login rewrites SoftHSM's token.object in place: a process that initialises meanwhile may not
// see the token (ecosystem.md section 3, quirk 3: 7 of 200 starts). So C_Initialize and C_Login
// happen under it; and whatever changes a token object, which two at once must not (quirk 2). It
// belongs to the token, not to a store: every box and every tool that uses the same token through
// the same module must name the same file.
class StartLock {
 public:
  // 30 s: another process may be making keys.
  static constexpr std::chrono::milliseconds kPatience{30'000};

  // Makes the file when it is not there. Blocks up to `patience` for another process. Fails with
  //   kConfiguration   the file cannot be opened.
  //   kHsmUnavailable  another process keeps it.
  static Result<StartLock> Acquire(const std::filesystem::path& path,
                                   std::chrono::milliseconds patience = kPatience);
  ~StartLock();
  StartLock(StartLock&& other) noexcept;
  StartLock& operator=(StartLock&&) = delete;
  StartLock(const StartLock&) = delete;
  StartLock& operator=(const StartLock&) = delete;

 private:
  explicit StartLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

enum class User { kUser, kSecurityOfficer };

// While it lives, every session of this process with the token is logged in: C_Logout ends the
// login of them all, so this outlives every other session. It keeps a session of its own, because a
// token logs out when its last session closes (quirk 5).
class Login {
 public:
  // Opens the session with `access` and logs in, once: a wrong PIN is never tried again, since
  // tokens lock after a few. Fails with
  //   kHsmPin          the token refuses the PIN, or it is locked or expired; the detail names the
  //   token. kHsmUnavailable  anything else.
  static Result<std::unique_ptr<Login>> Open(const Module& module, const Token& token, User user,
                                             MaskedSecret pin, SessionAccess access);
  ~Login();
  // Logs in again when the token has forgotten the login of this process, as after it was gone;
  // good when it has not. Under the StartLock of `lock_file`. Once the PIN was refused it is not
  // tried again. Thread-safe. Fails as Open does.
  Status Again(const std::filesystem::path& lock_file);
  Login(const Login&) = delete;
  Login& operator=(const Login&) = delete;

  // Of whoever opens; no one uses it once others may log in again.
  Session& session() { return session_; }

 private:
  Login(Session session, User user, MaskedSecret pin);
  CK_USER_TYPE type() const { return user_ == User::kUser ? CKU_USER : CKU_SO; }

  std::mutex mutex_;  // of Again
  Session session_;
  const User user_;
  const MaskedSecret pin_;
  std::optional<Failure> refused_;
};

}  // namespace acb::hsm
