// What a PKCS#11 function returned: its name for the log, and what to do about it.
#pragma once

#include <p11-kit/pkcs11.h>

#include <string>
#include <string_view>

#include "firmware/base/result.h"

namespace acb::hsm {

enum class ReturnClass {
  kOk,
  kRequestError,  // we asked for something that cannot be: another session would say the same
  kSessionError,  // this session (or its login) is of no use any more: another one may do
  kDeviceError,   // the module or the device behind it failed: what opens a breaker
};

class [[nodiscard]] ReturnValue {
 public:
  explicit ReturnValue(CK_RV code) : code_(code) {}
  bool ok() const { return code_ == CKR_OK; }
  CK_RV code() const { return code_; }
  // CKR_USER_ALREADY_LOGGED_IN and the like; "0x8000..." for a value that PKCS#11 does not name.
  std::string Text() const;
  // A value that is not known here counts as a device error: the safe side, signing stops.
  ReturnClass Class() const;

 private:
  CK_RV code_;
};

// kHsmUnavailable; function and value in the detail.
Failure ToFailure(std::string_view function, ReturnValue value);

}  // namespace acb::hsm
