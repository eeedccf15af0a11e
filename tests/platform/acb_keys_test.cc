// R-SEC3-39, R-NOW-9: modules that a live box signs with. R-SEC3-40: the inventory equals the
// token's listing.
#include "platform/acb_keys.h"

#include <gtest/gtest.h>

namespace acb::platform {
namespace {

using Half = hsm::KeyObject::Half;

const UtcTime kNow = *UtcTime::FromIso("2026-11-21T12:00:00Z");

hsm::TokenInfo Token() { return {"acb", "Maker", "Model", "1234", "1.0", "3.1"}; }
ApprovedModule Module() {
  return {.manufacturer = "Maker",
          .model = "Model",
          .firmware = "3.1",
          .certificate = "4321",
          .standard = "140-3",
          .level = 3,
          .exception_owner = {},
          .exception_until = {}};
}
bool IsApproved(const ApprovedModule& module, const hsm::TokenInfo& token = Token()) {
  const auto approved = ApprovalOf({module}, token, kNow);
  if (!approved) {
    EXPECT_EQ(approved.error().reason, Reason::kHsmNotApproved);
  }
  return approved.has_value();
}

TEST(ModuleApproval, TakesAModuleOfTheListAndSaysItsCertificate) {
  const auto approved = ApprovalOf({Module()}, Token(), kNow);
  ASSERT_TRUE(approved) << approved.error().explanation;
  EXPECT_EQ(approved->certificate, "4321");
}

TEST(ModuleApproval, RefusesAnotherMakerModelOrFirmwareAndAnEmptyList) {
  EXPECT_FALSE(ApprovalOf({}, Token(), kNow));
  hsm::TokenInfo token = Token();
  token.manufacturer = "Other";
  EXPECT_FALSE(IsApproved(Module(), token));
  token = Token();
  token.model = "Model 2";
  EXPECT_FALSE(IsApproved(Module(), token));
  token = Token();
  token.firmware_version = "3.2";
  EXPECT_FALSE(IsApproved(Module(), token));
}

TEST(ModuleApproval, RefusesLessThanLevelThree) {
  ApprovedModule module = Module();
  module.level = 2;
  EXPECT_FALSE(IsApproved(module));
  module.level = 4;
  EXPECT_TRUE(IsApproved(module));
}

TEST(ModuleApproval, TakesFips1402OnlyWhileSomebodyOwnsTheException) {
  ApprovedModule module = Module();
  module.standard = "140-2";
  EXPECT_FALSE(IsApproved(module));
  module.exception_owner = "A. Smith";
  EXPECT_FALSE(IsApproved(module));
  module.exception_until = kNow.PlusSeconds(1);
  EXPECT_TRUE(IsApproved(module));
  module.exception_until = kNow;
  EXPECT_FALSE(IsApproved(module));
}

TEST(ModuleApproval, NeverTakesSoftHsm) {
  hsm::TokenInfo token = Token();
  token.manufacturer = "SoftHSM project";
  token.model = "SoftHSM v2";
  ApprovedModule module = Module();
  module.manufacturer = token.manufacturer;
  module.model = token.model;
  EXPECT_FALSE(IsApproved(module, token));
}

hsm::KeyObject Object(const std::string& label, Half half) {
  hsm::KeyObject object;
  object.half = half;
  object.label = label;
  object.sensitive = half == Half::kPrivate;
  return object;
}
std::vector<hsm::KeyObject> Provisioned() {
  std::vector<hsm::KeyObject> objects;
  for (const char* label : {"acb-ds", "acb-ka", "acb-checkpoint"}) {
    objects.push_back(Object(label, Half::kPrivate));
    objects.push_back(Object(label, Half::kPublic));
  }
  return objects;
}
keys::KeyRecord Record(const std::string& label, keys::State state) {
  keys::KeyRecord key;
  key.label = label;
  key.state = state;
  return key;
}

TEST(KeyInventoryAndToken, AreTheSameAfterProvisioning) {
  EXPECT_TRUE(CompareWithToken({}, Provisioned()).empty());
}

TEST(KeyInventoryAndToken, DifferByAnOrphan) {
  auto objects = Provisioned();
  objects.push_back(Object("stray", Half::kPrivate));
  objects.push_back(Object("stray", Half::kPublic));
  const auto found = CompareWithToken({}, objects);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found.front(), "stray: in the token, and on no record (orphan)");
}

TEST(KeyInventoryAndToken, DifferByHalfAPairAndByAKeyThatCouldLeave) {
  auto objects = Provisioned();
  objects.erase(objects.begin());
  ASSERT_EQ(CompareWithToken({}, objects).size(), 1u);
  objects = Provisioned();
  objects.front().extractable = true;
  ASSERT_EQ(CompareWithToken({}, objects).size(), 1u);
}

TEST(KeyInventoryAndToken, DifferByAKeyThatIsGoneUnlessItWasDestroyed) {
  keys::Register keys;
  keys.Put(Record("acb-ds-2", keys::State::kGenerated));
  EXPECT_EQ(CompareWithToken(keys, Provisioned()).size(), 1u);
  keys.Put(Record("acb-ds-2", keys::State::kDestroyed));
  EXPECT_TRUE(CompareWithToken(keys, Provisioned()).empty());
}

TEST(KeyInventoryAndToken, DifferByTheFirstPairWhereNoRecordTellsOfItsEnd) {
  auto objects = Provisioned();
  std::erase_if(objects, [](const hsm::KeyObject& object) { return object.label == "acb-ds"; });
  const auto found = CompareWithToken({}, objects);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found.front(), "acb-ds: made when the box was provisioned, and not in the token");
  keys::Register keys;
  keys.Put(Record("acb-ds", keys::State::kDestroyed));
  EXPECT_TRUE(CompareWithToken(keys, objects).empty());
}

TEST(KeyInventoryAndToken, DifferByAnotherKeyUnderTheSameLabel) {
  keys::Register keys;
  keys::KeyRecord key = Record("acb-ds", keys::State::kActive);
  key.point.fill(7);
  keys.Put(key);
  auto objects = Provisioned();
  for (hsm::KeyObject& object : objects) {
    if (object.label == "acb-ds" && object.half == Half::kPublic) object.point = ToBytes(key.point);
  }
  EXPECT_TRUE(CompareWithToken(keys, objects).empty());
  objects[1].point.back() ^= 1;
  EXPECT_EQ(CompareWithToken(keys, objects).size(), 1u);
}

}  // namespace
}  // namespace acb::platform
