#include "hsm/login.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "hsm/held_back.h"

namespace acb::hsm {
namespace {

// Short against what is done under the lock, some milliseconds.
constexpr std::chrono::milliseconds kLockPoll{2};

// Within the deadline of whoever waits for it (kCallDeadline).
constexpr std::chrono::milliseconds kAgainPatience{1000};

Failure LoginFailure(ReturnValue value, std::string_view token = {}) {
  std::string detail = "C_Login";
  if (!token.empty()) detail += " to token \"" + std::string(token) + "\"";
  detail += ": " + value.Text();
  switch (value.code()) {
    case CKR_PIN_INCORRECT:
    case CKR_PIN_INVALID:
    case CKR_PIN_LEN_RANGE:
    case CKR_PIN_EXPIRED:
    case CKR_PIN_LOCKED:
      return Failure{Reason::kHsmPin, {}, std::move(detail)};
    default:  // not an enumeration: CK_RV is a number
      return Failure{Reason::kHsmUnavailable, {}, std::move(detail)};
  }
}

ReturnValue LogIn(Session& session, CK_USER_TYPE type, const MaskedSecret& kept) {
  const Secret pin = kept.Reveal();
  const HeldBack whole;
  return session.Call(&CK_FUNCTION_LIST::C_Login, type, Octets(pin.View()), pin.size());
}

std::string ErrorText() { return std::generic_category().message(errno); }

}  // namespace

Result<StartLock> StartLock::Acquire(const std::filesystem::path& path,
                                     std::chrono::milliseconds patience) {
  const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor < 0) {
    return Failure{Reason::kConfiguration, {}, "lock file " + path.string() + ": " + ErrorText()};
  }
  StartLock lock(descriptor);
  const auto end = std::chrono::steady_clock::now() + patience;
  do {
    if (flock(descriptor, LOCK_EX | LOCK_NB) == 0) return lock;
    if (errno != EWOULDBLOCK && errno != EINTR) {
      return Failure{Reason::kConfiguration, {}, "lock file " + path.string() + ": " + ErrorText()};
    }
    std::this_thread::sleep_for(kLockPoll);
  } while (std::chrono::steady_clock::now() < end);
  return Failure{Reason::kHsmUnavailable, {}, "another process keeps " + path.string()};
}

StartLock::StartLock(StartLock&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

StartLock::~StartLock() {
  if (descriptor_ >= 0) close(descriptor_);
}

Result<std::unique_ptr<Login>> Login::Open(const Module& module, const Token& token, User user,
                                           MaskedSecret pin, SessionAccess access) {
  // A module may take no PIN for a wish to ask for it at a keypad of its own.
  if (pin.size() == 0) {
    return Failure{Reason::kHsmPin, {}, "the PIN for token \"" + token.info.label + "\" is empty"};
  }
  auto session = Session::Open(module, token.slot, access);
  if (!session) return std::move(session).error();
  const CK_USER_TYPE type = user == User::kUser ? CKU_USER : CKU_SO;
  const ReturnValue result = LogIn(*session, type, pin);
  // A login is the process's, not the session's: one that is there already is as good.
  if (result.code() == CKR_USER_ALREADY_LOGGED_IN) {
    auto fresh = Session::Open(module, token.slot, access);
    if (!fresh) return std::move(fresh).error();
    return std::unique_ptr<Login>(new Login(*std::move(fresh), user, std::move(pin)));
  }
  if (!result.ok()) return LoginFailure(result, token.info.label);
  return std::unique_ptr<Login>(new Login(*std::move(session), user, std::move(pin)));
}

Login::Login(Session session, User user, MaskedSecret pin)
    : session_(std::move(session)), user_(user), pin_(std::move(pin)) {}

Status Login::Again(const std::filesystem::path& lock_file) {
  const std::scoped_lock one_at_a_time(mutex_);
  if (refused_) return *refused_;
  const auto lock = StartLock::Acquire(lock_file, kAgainPatience);
  if (!lock) return lock.error();
  if (auto renewed = session_.Renew(); !renewed) return renewed;
  const ReturnValue result = LogIn(session_, type(), pin_);
  if (result.ok()) return Done{};
  if (result.code() == CKR_USER_ALREADY_LOGGED_IN) return session_.Renew();
  const Failure failure = LoginFailure(result);
  // Tokens lock after a few.
  if (failure.reason == Reason::kHsmPin) refused_ = failure;
  return failure;
}

Login::~Login() {
  // The process or the session may be logged out already; either way the session closes next.
  static_cast<void>(session_.Call(&CK_FUNCTION_LIST::C_Logout));
}

}  // namespace acb::hsm
