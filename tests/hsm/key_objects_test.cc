// R-SEC3-40 (the inventory equals the token's listing), R-SEC3-43 (a request is signed in the
// module by the key that it is for), R-SEC3-45 (destruction).
#include "hsm/key_objects.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "hsm/opened.h"
#include "tests/hsm/test_token.h"

namespace acb::hsm {
namespace {

using Half = KeyObject::Half;
using testing::Why;

class KeyObjects : public testing::TokenTest {
 protected:
  void SetUp() override {
    TokenTest::SetUp();
    Provision();
    provisioning_ = StartProvisioning();
    ASSERT_TRUE(provisioning_);
  }
  void TearDown() override {
    provisioning_.reset();
    TokenTest::TearDown();
  }
  std::vector<KeyObject> Of(std::string_view label) {
    const auto all = provisioning_->ListKeys();
    EXPECT_TRUE(all) << Why(all);
    std::vector<KeyObject> found;
    if (!all) return found;
    std::ranges::copy_if(*all, std::back_inserter(found),
                         [&](const KeyObject& object) { return object.label == label; });
    return found;
  }
  // CKA_SIGN of a private key, behind the back of what is tested.
  void SetSign(std::string_view label, bool may) {
    provisioning_.reset();
    {
      HsmSettings settings = Settings();
      auto opened = OpenToken(settings, SessionAccess::kReadWrite);
      ASSERT_TRUE(opened) << Why(opened);
      Session& session = opened->login->session();
      const auto found = FindByLabel(session, CKO_PRIVATE_KEY, label);
      ASSERT_TRUE(found && found->size() == 1);
      unsigned char value = may ? CK_TRUE : CK_FALSE;
      CK_ATTRIBUTE attribute{CKA_SIGN, &value, sizeof value};
      ASSERT_TRUE(
          session.Call(&CK_FUNCTION_LIST::C_SetAttributeValue, found->front(), &attribute, 1UL)
              .ok());
    }
    provisioning_ = StartProvisioning();
    ASSERT_TRUE(provisioning_);
  }

  std::unique_ptr<Provisioning> provisioning_;
};

TEST_F(KeyObjects, ListsBothHalvesOfEachKeyAndWhatTheTokenSaysOfThem) {
  const auto all = provisioning_->ListKeys();
  ASSERT_TRUE(all) << Why(all);
  EXPECT_EQ(all->size(), 6U) << "three keys, two halves each; anchors are no keys";
  const auto halves = Of(kAcbKaLabel);
  ASSERT_EQ(halves.size(), 2U);
  const KeyObject& half = halves[0].half == Half::kPrivate ? halves[0] : halves[1];
  EXPECT_TRUE(half.sensitive && !half.extractable && half.generated_in_token);
  EXPECT_TRUE(half.derives && !half.signs);
  const KeyObject& other = halves[0].half == Half::kPublic ? halves[0] : halves[1];
  const auto key = provisioning_->TestKeyPair(kAcbKaLabel, KeyPurpose::kAgreement);
  ASSERT_TRUE(key) << Why(key);
  EXPECT_EQ(other.point, key->octets);
}

TEST_F(KeyObjects, EachKeySignsItsOwnRequest) {
  const Bytes request = ToBytes(AsBytes("the octets of a request"));
  for (const auto& [label, purpose] : {std::pair(kAcbDsLabel, KeyPurpose::kSigning),
                                       std::pair(kAcbKaLabel, KeyPurpose::kAgreement)}) {
    const auto key = provisioning_->TestKeyPair(label, purpose);
    ASSERT_TRUE(key) << Why(key);
    const auto signature = provisioning_->SignRequest(label, purpose, request);
    ASSERT_TRUE(signature) << label << ": " << Why(signature);
    EXPECT_TRUE(Verify(*key, request, *signature));
  }
  EXPECT_FALSE(provisioning_->SignRequest(kCheckpointLabel, KeyPurpose::kCheckpoint, request));
}

TEST_F(KeyObjects, AKeyForAgreementMaySignInThatCallOnly) {
  ASSERT_TRUE(
      provisioning_->SignRequest(kAcbKaLabel, KeyPurpose::kAgreement, AsBytes("a request")));
  for (const KeyObject& half : Of(kAcbKaLabel)) EXPECT_FALSE(half.signs);
  EXPECT_TRUE(provisioning_->TestKeyPair(kAcbKaLabel, KeyPurpose::kAgreement));
}

TEST_F(KeyObjects, AKeyThatWasLeftAbleToSignIsNotUsedUntilItsNextRequestPutsItInOrder) {
  SetSign(kAcbKaLabel, true);
  EXPECT_FALSE(provisioning_->TestKeyPair(kAcbKaLabel, KeyPurpose::kAgreement));
  const auto signature =
      provisioning_->SignRequest(kAcbKaLabel, KeyPurpose::kAgreement, AsBytes("a request"));
  ASSERT_TRUE(signature) << Why(signature);
  EXPECT_TRUE(provisioning_->TestKeyPair(kAcbKaLabel, KeyPurpose::kAgreement));
}

TEST_F(KeyObjects, DestroysOneLabelAndSaysWhatTheModuleAnswered) {
  const auto destroyed = provisioning_->DestroyKey(kAcbDsLabel);
  ASSERT_TRUE(destroyed) << Why(destroyed);
  ASSERT_EQ(destroyed->size(), 2U);
  for (const Destruction& one : *destroyed) {
    EXPECT_TRUE(one.done);
    EXPECT_EQ(one.returned, "CKR_OK");
  }
  EXPECT_TRUE(Of(kAcbDsLabel).empty());
  EXPECT_EQ(Of(kAcbKaLabel).size(), 2U);
  const auto again = provisioning_->DestroyKey(kAcbDsLabel);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().reason, Reason::kNotFound);
}

}  // namespace
}  // namespace acb::hsm
