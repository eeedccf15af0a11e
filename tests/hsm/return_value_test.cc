#include "hsm/return_value.h"

#include <gtest/gtest.h>

namespace acb::hsm {
namespace {

TEST(ReturnValue, NamesWhatPkcs11Names) {
  EXPECT_EQ(ReturnValue(CKR_OK).Text(), "CKR_OK");
  EXPECT_EQ(ReturnValue(CKR_DEVICE_ERROR).Text(), "CKR_DEVICE_ERROR");
  EXPECT_EQ(ReturnValue(CKR_USER_ALREADY_LOGGED_IN).Text(), "CKR_USER_ALREADY_LOGGED_IN");
}

TEST(ReturnValue, GivesTheNumberOfWhatItDoesNotKnow) {
  EXPECT_EQ(ReturnValue(0x80001234).Text(), "0x80001234");
}

TEST(ReturnValue, TellsRequestSessionAndDeviceErrorsApart) {
  EXPECT_EQ(ReturnValue(CKR_OK).Class(), ReturnClass::kOk);
  EXPECT_EQ(ReturnValue(CKR_MECHANISM_INVALID).Class(), ReturnClass::kRequestError);
  EXPECT_EQ(ReturnValue(CKR_SESSION_HANDLE_INVALID).Class(), ReturnClass::kSessionError);
  EXPECT_EQ(ReturnValue(CKR_USER_NOT_LOGGED_IN).Class(), ReturnClass::kSessionError);
  EXPECT_EQ(ReturnValue(CKR_DEVICE_REMOVED).Class(), ReturnClass::kDeviceError);
}

TEST(ReturnValue, TakesTheUnknownForADeviceError) {
  EXPECT_EQ(ReturnValue(0x80001234).Class(), ReturnClass::kDeviceError);
}

TEST(ReturnValue, MakesAFailureThatNamesTheFunction) {
  const Failure failure = ToFailure("C_Sign", ReturnValue(CKR_DEVICE_ERROR));
  EXPECT_EQ(failure.reason, Reason::kHsmUnavailable);
  EXPECT_EQ(failure.detail, "C_Sign: CKR_DEVICE_ERROR");
  EXPECT_EQ(failure.explanation, "");
}

}  // namespace
}  // namespace acb::hsm
