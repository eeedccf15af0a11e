// R-SEC3-40, R-SEC3-41, R-SEC3-47: what is on record of a key, and in which order it may change.
#include "firmware/keys/register.h"

#include <gtest/gtest.h>

#include "firmware/keys/script.h"
#include "tests/firmware/smki/builder.h"

namespace acb::keys {
namespace {

constexpr UtcTime kNow(1'700'000'000'000);
const std::vector<std::string> kOperators = {"a.example", "b.example"};

KeyRecord KeyOf(Role role, std::uint32_t generation) {
  KeyRecord key;
  key.label = LabelOf(role, generation);
  key.role = role;
  key.generation = generation;
  key.point.fill(0x04);
  key.place = "Data centre 1";
  key.custodians = "HSM team";
  key.token_serial = "abc";
  key.transitions.push_back({State::kGenerated, kNow, kOperators});
  return key;
}

TEST(KeyRoles, AreTheAcbsTwoAndNoOthers) {
  EXPECT_TRUE(RoleFromName("digital-signing"));
  EXPECT_TRUE(RoleFromName("key-agreement"));
  for (const char* name : {"recovery", "root", "issuing", "transitional-cos", "wan-provider", "xml",
                           "checkpoint", ""}) {
    const auto role = RoleFromName(name);
    ASSERT_FALSE(role) << name;
    EXPECT_EQ(role.error().reason, Reason::kRole);
  }
}

TEST(KeyLabels, SayRoleAndGeneration) {
  EXPECT_EQ(LabelOf(Role::kDigitalSigning, 1), "acb-ds");
  EXPECT_EQ(LabelOf(Role::kKeyAgreement, 12), "acb-ka-12");
  for (const std::uint32_t generation : {1U, 2U, 9'999U}) {
    const auto parts = PartsOf(LabelOf(Role::kKeyAgreement, generation));
    ASSERT_TRUE(parts);
    EXPECT_EQ(parts->generation, generation);
    EXPECT_EQ(parts->role, Role::kKeyAgreement);
  }
  for (const char* label : {"acb-checkpoint", "acb-ds-1", "acb-ds-0", "acb-ds-10000", "acb-ds-",
                            "acb-ds-2x", "recovery", ""}) {
    EXPECT_FALSE(PartsOf(label)) << label;
  }
}

TEST(KeyStates, FollowEachOtherInOneOrder) {
  KeyRecord key = KeyOf(Role::kDigitalSigning, 2);
  for (const State out_of_order :
       {State::kGenerated, State::kAccepted, State::kActive, State::kRetired}) {
    EXPECT_FALSE(Advance(key, out_of_order, kNow, kOperators)) << Name(out_of_order);
  }
  for (const State next : {State::kRequested, State::kRequested, State::kAccepted, State::kActive,
                           State::kRetired, State::kDestroyed}) {
    EXPECT_TRUE(Advance(key, next, kNow, kOperators)) << Name(next);
    EXPECT_EQ(key.state, next);
  }
  EXPECT_EQ(key.transitions.size(), 7U);
  EXPECT_FALSE(Advance(key, State::kDestroyed, kNow, kOperators));
}

TEST(KeyStates, AKeyInUseIsNotDestroyedAndOneThatWasNeverUsedMayBe) {
  KeyRecord key = KeyOf(Role::kDigitalSigning, 2);
  key.state = State::kActive;
  EXPECT_FALSE(Advance(key, State::kDestroyed, kNow, kOperators));
  key.state = State::kGenerated;
  EXPECT_TRUE(Advance(key, State::kDestroyed, kNow, kOperators));
}

TEST(KeyRegister, GivesBackWhatWasWritten) {
  Register keys;
  KeyRecord key = KeyOf(Role::kKeyAgreement, 2);
  key.state = State::kAccepted;
  key.backups = "none";
  key.generated_in_token = false;
  key.request = RequestRecord{Sha256(AsBytes("csr")), "gateway", "A. Smith", "DCC", "CHG-1"};
  const smki::testing::TestKey pair;
  key.certificate = *smki::Certificate::Parse(smki::testing::CertificateBuilder(pair).Build(pair));
  keys.Put(key);
  keys.Put(KeyOf(Role::kDigitalSigning, 2));
  const auto read = Register::Parse(keys.Serialise());
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(read->Serialise(), keys.Serialise());
  const KeyRecord* again = read->Find("acb-ka-2");
  ASSERT_NE(again, nullptr);
  EXPECT_EQ(again->request->approval, "CHG-1");
  EXPECT_EQ(again->certificate->sha256(), key.certificate->sha256());
  EXPECT_EQ(again->transitions.front().operators, kOperators);
}

TEST(KeyRegister, WhatIsNoRegisterIsDamage) {
  ASSERT_TRUE(Register::Parse(R"({"keys":[]})"));
  for (const char* text : {"", "{}", R"({"keys":{}})", R"({"keys":[1]})", R"({"keys":[{}]})",
                           R"({"keys":[{"label":"acb-ds","state":"new"}]})"}) {
    const auto read = Register::Parse(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().reason, Reason::kRecordDamaged);
  }
}

TEST(KeyRegister, AGenerationIsInUseWhenBothItsKeysAre) {
  Register keys;
  KeyRecord ds = KeyOf(Role::kDigitalSigning, 2);
  ds.state = State::kActive;
  keys.Put(ds);
  EXPECT_TRUE(keys.ActiveGenerations().empty());
  KeyRecord ka = KeyOf(Role::kKeyAgreement, 2);
  keys.Put(ka);
  EXPECT_TRUE(keys.ActiveGenerations().empty());
  ka.state = State::kActive;
  keys.Put(ka);
  EXPECT_EQ(keys.ActiveGenerations(), std::vector<std::uint32_t>{2});
  EXPECT_TRUE(keys.CheckPair(2, State::kActive));
  EXPECT_FALSE(keys.CheckPair(2, State::kAccepted));
}

TEST(CeremonyTexts, AreOneLineOfVisibleCharacters) {
  EXPECT_TRUE(CheckText("--place", "Data centre 1"));
  EXPECT_TRUE(CheckText("--place", std::string(kMaxText, 'x')));
  for (const std::string& text : {std::string(), std::string(kMaxText + 1, 'x'),
                                  std::string("a\nb"), std::string("\x1b[2J")}) {
    EXPECT_FALSE(CheckText("--place", text));
  }
}

TEST(CeremonyScripts, AreNumberedAndEachHasItsOwnHash) {
  const std::string text = ScriptText(Act::kDestroy);
  EXPECT_NE(text.find("\n1. "), std::string::npos);
  EXPECT_NE(text.find("\n6. "), std::string::npos);
  EXPECT_NE(ScriptSha256(Act::kDestroy), ScriptSha256(Act::kRetire));
}

}  // namespace
}  // namespace acb::keys
