#include "hsm/return_value.h"

#include <algorithm>
#include <cstdio>
#include <iterator>

namespace acb::hsm {
namespace {

struct Known {
  CK_RV code;
  std::string_view name;
  ReturnClass kind;
};

// PKCS#11 v2.40 section 5.1 without what no call of ours can return.
constexpr Known kKnown[] = {
    {CKR_OK, "CKR_OK", ReturnClass::kOk},
    {CKR_CANCEL, "CKR_CANCEL", ReturnClass::kRequestError},
    {CKR_HOST_MEMORY, "CKR_HOST_MEMORY", ReturnClass::kDeviceError},
    {CKR_SLOT_ID_INVALID, "CKR_SLOT_ID_INVALID", ReturnClass::kDeviceError},
    // SoftHSM says this for an off-curve point too (ecosystem.md section 3, quirk 7); points are
    // checked before they get there, so here it is the device.
    {CKR_GENERAL_ERROR, "CKR_GENERAL_ERROR", ReturnClass::kDeviceError},
    {CKR_FUNCTION_FAILED, "CKR_FUNCTION_FAILED", ReturnClass::kDeviceError},
    {CKR_ARGUMENTS_BAD, "CKR_ARGUMENTS_BAD", ReturnClass::kRequestError},
    {CKR_ATTRIBUTE_READ_ONLY, "CKR_ATTRIBUTE_READ_ONLY", ReturnClass::kRequestError},
    {CKR_ATTRIBUTE_SENSITIVE, "CKR_ATTRIBUTE_SENSITIVE", ReturnClass::kRequestError},
    {CKR_ATTRIBUTE_TYPE_INVALID, "CKR_ATTRIBUTE_TYPE_INVALID", ReturnClass::kRequestError},
    {CKR_ATTRIBUTE_VALUE_INVALID, "CKR_ATTRIBUTE_VALUE_INVALID", ReturnClass::kRequestError},
    {CKR_DATA_INVALID, "CKR_DATA_INVALID", ReturnClass::kRequestError},
    {CKR_DATA_LEN_RANGE, "CKR_DATA_LEN_RANGE", ReturnClass::kRequestError},
    {CKR_DEVICE_ERROR, "CKR_DEVICE_ERROR", ReturnClass::kDeviceError},
    {CKR_DEVICE_MEMORY, "CKR_DEVICE_MEMORY", ReturnClass::kDeviceError},
    {CKR_DEVICE_REMOVED, "CKR_DEVICE_REMOVED", ReturnClass::kDeviceError},
    {CKR_FUNCTION_CANCELED, "CKR_FUNCTION_CANCELED", ReturnClass::kSessionError},
    {CKR_FUNCTION_NOT_SUPPORTED, "CKR_FUNCTION_NOT_SUPPORTED", ReturnClass::kRequestError},
    {CKR_KEY_HANDLE_INVALID, "CKR_KEY_HANDLE_INVALID", ReturnClass::kSessionError},
    // Our keys are tested for what they are used for: the handle is another object's by now.
    {CKR_KEY_SIZE_RANGE, "CKR_KEY_SIZE_RANGE", ReturnClass::kSessionError},
    {CKR_KEY_TYPE_INCONSISTENT, "CKR_KEY_TYPE_INCONSISTENT", ReturnClass::kSessionError},
    {CKR_KEY_FUNCTION_NOT_PERMITTED, "CKR_KEY_FUNCTION_NOT_PERMITTED", ReturnClass::kSessionError},
    {CKR_MECHANISM_INVALID, "CKR_MECHANISM_INVALID", ReturnClass::kRequestError},
    {CKR_MECHANISM_PARAM_INVALID, "CKR_MECHANISM_PARAM_INVALID", ReturnClass::kRequestError},
    {CKR_OBJECT_HANDLE_INVALID, "CKR_OBJECT_HANDLE_INVALID", ReturnClass::kSessionError},
    {CKR_OPERATION_ACTIVE, "CKR_OPERATION_ACTIVE", ReturnClass::kSessionError},
    {CKR_OPERATION_NOT_INITIALIZED, "CKR_OPERATION_NOT_INITIALIZED", ReturnClass::kSessionError},
    {CKR_PIN_INCORRECT, "CKR_PIN_INCORRECT", ReturnClass::kRequestError},
    {CKR_PIN_INVALID, "CKR_PIN_INVALID", ReturnClass::kRequestError},
    {CKR_PIN_LEN_RANGE, "CKR_PIN_LEN_RANGE", ReturnClass::kRequestError},
    {CKR_PIN_EXPIRED, "CKR_PIN_EXPIRED", ReturnClass::kRequestError},
    {CKR_PIN_LOCKED, "CKR_PIN_LOCKED", ReturnClass::kRequestError},
    {CKR_SESSION_CLOSED, "CKR_SESSION_CLOSED", ReturnClass::kSessionError},
    {CKR_SESSION_COUNT, "CKR_SESSION_COUNT", ReturnClass::kDeviceError},
    {CKR_SESSION_HANDLE_INVALID, "CKR_SESSION_HANDLE_INVALID", ReturnClass::kSessionError},
    {CKR_SESSION_READ_ONLY, "CKR_SESSION_READ_ONLY", ReturnClass::kRequestError},
    {CKR_SESSION_EXISTS, "CKR_SESSION_EXISTS", ReturnClass::kRequestError},
    {CKR_SIGNATURE_INVALID, "CKR_SIGNATURE_INVALID", ReturnClass::kRequestError},
    {CKR_SIGNATURE_LEN_RANGE, "CKR_SIGNATURE_LEN_RANGE", ReturnClass::kRequestError},
    {CKR_TEMPLATE_INCOMPLETE, "CKR_TEMPLATE_INCOMPLETE", ReturnClass::kRequestError},
    {CKR_TEMPLATE_INCONSISTENT, "CKR_TEMPLATE_INCONSISTENT", ReturnClass::kRequestError},
    {CKR_TOKEN_NOT_PRESENT, "CKR_TOKEN_NOT_PRESENT", ReturnClass::kDeviceError},
    {CKR_TOKEN_NOT_RECOGNIZED, "CKR_TOKEN_NOT_RECOGNIZED", ReturnClass::kDeviceError},
    {CKR_TOKEN_WRITE_PROTECTED, "CKR_TOKEN_WRITE_PROTECTED", ReturnClass::kRequestError},
    {CKR_USER_ALREADY_LOGGED_IN, "CKR_USER_ALREADY_LOGGED_IN", ReturnClass::kRequestError},
    {CKR_USER_NOT_LOGGED_IN, "CKR_USER_NOT_LOGGED_IN", ReturnClass::kSessionError},
    {CKR_USER_PIN_NOT_INITIALIZED, "CKR_USER_PIN_NOT_INITIALIZED", ReturnClass::kRequestError},
    {CKR_USER_TYPE_INVALID, "CKR_USER_TYPE_INVALID", ReturnClass::kRequestError},
    {CKR_USER_ANOTHER_ALREADY_LOGGED_IN, "CKR_USER_ANOTHER_ALREADY_LOGGED_IN",
     ReturnClass::kRequestError},
    {CKR_BUFFER_TOO_SMALL, "CKR_BUFFER_TOO_SMALL", ReturnClass::kRequestError},
    {CKR_CRYPTOKI_NOT_INITIALIZED, "CKR_CRYPTOKI_NOT_INITIALIZED", ReturnClass::kDeviceError},
    {CKR_CRYPTOKI_ALREADY_INITIALIZED, "CKR_CRYPTOKI_ALREADY_INITIALIZED",
     ReturnClass::kRequestError},
};

const Known* Find(CK_RV code) {
  const auto* const found = std::find_if(std::begin(kKnown), std::end(kKnown),
                                         [code](const Known& known) { return known.code == code; });
  return found == std::end(kKnown) ? nullptr : found;
}

}  // namespace

std::string ReturnValue::Text() const {
  if (const Known* known = Find(code_)) return std::string(known->name);
  char text[2 + 2 * sizeof code_ + 1];
  std::snprintf(text, sizeof text, "0x%lx", code_);
  return text;
}

ReturnClass ReturnValue::Class() const {
  const Known* known = Find(code_);
  return known ? known->kind : ReturnClass::kDeviceError;
}

Failure ToFailure(std::string_view function, ReturnValue value) {
  return Failure{Reason::kHsmUnavailable, {}, std::string(function) + ": " + value.Text()};
}

}  // namespace acb::hsm
