// Deadlines, the breaker and the way back (issue 7 "HSM supervision"; reliability.md F6), by way of
// shim_module.cc. Nothing here is timed: what has to happen is waited for.
#include <atomic>
#include <functional>
#include <mutex>
#include <thread>

#include "firmware/gbcs/message.h"
#include "hsm/breaker.h"
#include "hsm/return_value.h"
#include "hsm/software_key.h"
#include "tests/hsm/shim_test.h"
#include "tests/hsm/test_token.h"

namespace acb::hsm {
namespace {

using std::chrono::milliseconds;
using testing::SomeCommand;
using testing::Why;

// Far beyond what any of it takes.
constexpr int kPolls = 6000;
constexpr milliseconds kPoll{10};

class Supervision : public testing::ShimTest {
 protected:
  void SetUp() override {
    ShimTest::SetUp();
    setenv("ACB_SHIM_LOG", (directory_ / "log").c_str(), 1);
    auto device = SoftwareKey::Generate();
    ASSERT_TRUE(device);
    device_ = device->point();
    Provision();
  }
  // First, so that what hangs in the shim ends.
  void TearDown() override {
    ClearFault();
    ShimTest::TearDown();
  }

  std::unique_ptr<Hsm> Open(milliseconds deadline = std::chrono::minutes(1)) {
    HsmSettings settings = Settings();
    settings.deadline = deadline;
    settings.on_change = [this](bool available, const std::string& why) {
      const std::scoped_lock lock(mutex_);
      changes_.push_back(available ? "available" : why);
    };
    auto opened = Hsm::Open(std::move(settings));
    EXPECT_TRUE(opened) << Why(opened);
    return opened ? *std::move(opened) : nullptr;
  }
  static bool Wait(const std::function<bool()>& condition) {
    for (int i = 0; i < kPolls; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(kPoll);
    }
    return false;
  }
  bool Signs(Hsm& hsm) {
    const auto command =
        testing::SignAndMac(hsm.command_signer(), SomeCommand(++counter_), device_);
    if (!command) return false;
    const auto message = gbcs::Message::Parse(command->octets);
    EXPECT_TRUE(message && gbcs::VerifySignature(message->ToBeSigned(), *message->signature(),
                                                 hsm.acb_ds_public()));
    return true;
  }
  bool SignsAgain(Hsm& hsm) {
    return Wait([&] { return Signs(hsm); });
  }
  // Asked for signatures until it takes no more.
  bool BecomesUnavailable(Hsm& hsm) {
    return Wait([&] { return !Signs(hsm) && !hsm.state().available; });
  }
  void ExpectRefused(Hsm& hsm) {
    const auto refused =
        testing::SignAndMac(hsm.command_signer(), SomeCommand(++counter_), device_);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason, Reason::kHsmUnavailable) << Why(refused);
  }
  std::vector<std::string> Changes() {
    const std::scoped_lock lock(mutex_);
    return changes_;
  }

  PublicPoint device_{};
  std::uint64_t counter_ = 0;
  std::mutex mutex_;
  std::vector<std::string> changes_;
};

constexpr milliseconds kShort{300};

TEST_F(Supervision, ACallThatHangsIsGivenUpAndOthersAreRefusedAtOnce) {
  const auto hsm = Open(kShort);
  ASSERT_TRUE(hsm);
  for (const char* function :
       {"C_Sign", "C_SignInit", "C_DeriveKey", "C_GetAttributeValue", "C_DestroyObject"}) {
    SCOPED_TRACE(function);
    ASSERT_TRUE(SignsAgain(*hsm));
    ASSERT_TRUE(Wait([&] { return hsm->state().available; }));
    const std::uint64_t timeouts = hsm->state().timeouts;
    SetFault(std::string("hang:") + function);
    ExpectRefused(*hsm);
    EXPECT_FALSE(hsm->state().available);
    EXPECT_GT(hsm->state().timeouts, timeouts);
    EXPECT_EQ(hsm->command_signer().CheckAvailable().error().reason, Reason::kHsmUnavailable);
    for (int i = 0; i < 100; ++i) ExpectRefused(*hsm);
    EXPECT_LT(hsm->state().timeouts, timeouts + 100) << "nobody waited";
    ClearFault();
    EXPECT_TRUE(SignsAgain(*hsm));
    EXPECT_TRUE(hsm->command_signer().CheckAvailable());
    EXPECT_TRUE(Wait([&] { return hsm->state().hanging == 0; })) << "the threads are back";
  }
}

TEST_F(Supervision, WhatComesLateIsNotReleased) {
  const auto hsm = Open(kShort);
  ASSERT_TRUE(hsm);
  SetFault("hang:C_Sign");
  ExpectRefused(*hsm);
  ClearFault();
  ASSERT_TRUE(SignsAgain(*hsm));
  ASSERT_TRUE(Wait([&] { return hsm->state().hanging == 0; }));
  std::size_t made = 0;
  std::string line;
  for (std::ifstream log(directory_ / "log"); std::getline(log, line);)
    made += line.starts_with("acb-ds ");
  EXPECT_EQ(made, hsm->command_signer().sign_operations() + 1) << "the one of the provisioning too";
  EXPECT_GE(made, 4U) << "provisioned, opened, the late one, a probe or more, and the good one";
}

TEST_F(Supervision, AnchorsThatHangAreGivenUpToo) {
  const auto hsm = Open(kShort);
  ASSERT_TRUE(hsm);
  ASSERT_TRUE(hsm->anchors().Create(Bytes(190, 1)));
  for (const char* function : {"C_FindObjectsInit", "C_FindObjects", "C_CreateObject"}) {
    SCOPED_TRACE(function);
    ASSERT_TRUE(Wait([&] { return hsm->anchors().List().has_value(); }));
    SetFault(std::string("hang:") + function);
    const Status refused = hsm->anchors().Create(Bytes(190, 2));
    if (std::string_view(function) == "C_CreateObject") {
      ASSERT_FALSE(refused);
      EXPECT_EQ(refused.error().reason, Reason::kHsmUnavailable);
    } else {
      EXPECT_FALSE(hsm->anchors().List());
    }
    EXPECT_FALSE(hsm->anchors().List()) << "at once";
    ExpectRefused(*hsm);
    ClearFault();
    EXPECT_TRUE(Wait([&] { return hsm->anchors().List().has_value(); }));
    EXPECT_TRUE(SignsAgain(*hsm));
  }
}

// The writer looks for every batch while an anchor is made beside it.
TEST_F(Supervision, NobodyWaitsForAListingAnew) {
  const std::filesystem::path calls = directory_ / "calls";
  setenv("ACB_SHIM_PROCESS", "acb-listing", 1);
  setenv("ACB_SHIM_CALLS", calls.c_str(), 1);
  const auto hsm = OpenHsmWithLister();
  for (const char* name : {"ACB_SHIM_PROCESS", "ACB_SHIM_CALLS"}) unsetenv(name);
  ASSERT_TRUE(hsm);
  ASSERT_TRUE(hsm->anchors().List()) << "its session is open: no slot is looked for again";
  SetFault("hang:C_GetSlotList");
  std::atomic<bool> over = false;
  std::thread anew([&] {
    const auto listed = hsm->anchors().ListAnew();
    EXPECT_TRUE(listed) << Why(listed);
    over = true;
  });
  EXPECT_TRUE(Wait([&] { return std::filesystem::exists(calls); })) << "the listing has begun";
  const auto listed = hsm->anchors().List();
  EXPECT_TRUE(listed) << Why(listed);
  EXPECT_FALSE(over);
  ClearFault();
  anew.join();
}

// Keys are changed: two generations are in use.
class SupervisionOfTwoPairs : public Supervision {
 protected:
  void SetUp() override {
    Supervision::SetUp();
    const auto provisioning = StartProvisioning();
    ASSERT_TRUE(provisioning);
    ASSERT_TRUE(provisioning->GenerateKeyPair("acb-ds-2", KeyPurpose::kSigning));
    ASSERT_TRUE(provisioning->GenerateKeyPair("acb-ka-2", KeyPurpose::kAgreement));
  }
  std::unique_ptr<Hsm> OpenBoth(milliseconds deadline = std::chrono::minutes(1)) {
    HsmSettings settings = Settings();
    settings.deadline = deadline;
    settings.acb_keys = {{std::string(kAcbDsLabel), std::string(kAcbKaLabel)},
                         {"acb-ds-2", "acb-ka-2"}};
    auto opened = Hsm::Open(std::move(settings));
    EXPECT_TRUE(opened) << Why(opened);
    return opened ? *std::move(opened) : nullptr;
  }
  bool SignsWith(Hsm& hsm, std::size_t pair) {
    const auto command =
        testing::SignAndMac(hsm.command_signer(pair), SomeCommand(++counter_), device_);
    if (!command) return false;
    const auto message = gbcs::Message::Parse(command->octets);
    EXPECT_TRUE(message && gbcs::VerifySignature(message->ToBeSigned(), *message->signature(),
                                                 hsm.acb_ds_public(pair)));
    return true;
  }
};

TEST_F(SupervisionOfTwoPairs, VerifiesTheAgreementsOfEachWithItsOwnKey) {
  const auto hsm = OpenBoth();
  ASSERT_TRUE(hsm);
  ASSERT_EQ(hsm->acb_key_pairs(), 2U);
  EXPECT_TRUE(SignsWith(*hsm, 1));
  EXPECT_EQ(hsm->command_signer(0).check_derivations(), 0U);
  EXPECT_EQ(hsm->command_signer(1).check_derivations(), 1U);
  EXPECT_TRUE(SignsWith(*hsm, 0));
  EXPECT_EQ(hsm->command_signer(0).check_derivations(), 1U);
  SetFault("wrong-derived");
  for (const std::size_t pair : {0U, 1U}) EXPECT_FALSE(SignsWith(*hsm, pair));
}

TEST_F(SupervisionOfTwoPairs, RefusesBothAtOnceAndProbesBothBeforeItSignsAgain) {
  const auto hsm = OpenBoth();
  ASSERT_TRUE(hsm);
  SetFault("ckr:C_Sign:0x30");
  for (std::uint64_t i = 0; i < kErrorsToOpen; ++i) EXPECT_FALSE(SignsWith(*hsm, 0));
  for (const std::size_t pair : {0U, 1U}) EXPECT_FALSE(hsm->command_signer(pair).CheckAvailable());
  // Nobody signs now, and a probe that fails gets no further than to the first key.
  const HsmCommandSigner& newer = hsm->command_signer(1);
  const std::uint64_t signatures = newer.sign_operations();
  const std::uint64_t agreements = newer.derive_operations();
  ClearFault();
  ASSERT_TRUE(Wait([&] { return hsm->state().available; }));
  EXPECT_GT(newer.sign_operations(), signatures);
  EXPECT_GT(newer.derive_operations(), agreements);
  for (const std::size_t pair : {0U, 1U}) EXPECT_TRUE(SignsWith(*hsm, pair));
}

// A probe asks each pair alone, as a handover does.
TEST_F(SupervisionOfTwoPairs, SlowKeysThatWorkComeBackHoweverManyTheyAre) {
  const auto hsm = OpenBoth(kShort);
  ASSERT_TRUE(hsm);
  SetFault("gone");
  EXPECT_TRUE(BecomesUnavailable(*hsm));
  SetFault("delay:C_Sign:200000");
  for (const std::size_t pair : {0U, 1U}) {
    EXPECT_TRUE(Wait([&] { return SignsWith(*hsm, pair); }));
  }
}

// The store's writer looks at the anchors for each batch: that goes well while no key works.
TEST_F(Supervision, OpensThoughListingsGoWellInBetween) {
  const auto hsm = Open();
  ASSERT_TRUE(hsm);
  for (const char* fault : {"wrong-signature", "wrong-derived", "ckr:C_Sign:0x30"}) {
    SCOPED_TRACE(fault);
    ASSERT_TRUE(SignsAgain(*hsm));
    const std::uint64_t opened = hsm->state().times_opened;
    SetFault(fault);
    for (std::uint64_t i = 0; i < kErrorsToOpen; ++i) {
      EXPECT_EQ(hsm->state().times_opened, opened);
      ExpectRefused(*hsm);
      if (i + 1 < kErrorsToOpen) {
        EXPECT_TRUE(hsm->anchors().List());
      }
    }
    EXPECT_EQ(hsm->state().times_opened, opened + 1);
    ClearFault();
  }
  EXPECT_TRUE(SignsAgain(*hsm));
}

// A handover waits for one signature, and for it alone.
TEST_F(Supervision, SignaturesThatStaySlowOpenNothing) {
  const auto hsm = Open(milliseconds(6000));
  ASSERT_TRUE(hsm);
  SetFault("delay:C_Sign:1600000");
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(Signs(*hsm));
  EXPECT_EQ(hsm->state().times_opened, 0U);
}

// Each is below its deadline; together they would keep a handover for longer than it may take.
TEST_F(Supervision, OpensWhenListingsStaySlow) {
  const auto hsm = Open(milliseconds(3000));
  ASSERT_TRUE(hsm);
  SetFault("delay:C_FindObjectsInit:1000000");
  int good = 0;
  while (good < 10 && hsm->anchors().List()) ++good;
  EXPECT_GE(good, 1);
  EXPECT_LE(good, 4);
  EXPECT_EQ(hsm->state().times_opened, 1U);
  EXPECT_EQ(hsm->state().timeouts, 0U);
  ClearFault();
  EXPECT_TRUE(SignsAgain(*hsm));
}

// SoftHSM needs it after its token's directory was away.
TEST_F(Supervision, InitialisesAnewWhenNoObjectCanBeCreatedThoughKeysWork) {
  const auto hsm = Open();
  ASSERT_TRUE(hsm);
  ASSERT_TRUE(Signs(*hsm));
  SetFault("ckr:C_CreateObject:0x5");
  for (std::uint64_t i = 0; i < kErrorsToOpen; ++i) {
    ASSERT_TRUE(SignsAgain(*hsm));
    EXPECT_FALSE(hsm->anchors().Create(Bytes{1, 2, 3}));
  }
  EXPECT_EQ(hsm->state().times_opened, 1U);
  ClearFault();
  ASSERT_TRUE(SignsAgain(*hsm));
  EXPECT_EQ(hsm->state().initialised_anew, 1U);
  EXPECT_TRUE(hsm->anchors().Create(Bytes{1, 2, 3}));
}

// ecosystem.md section 3: a token whose directory was away gives its objects new handles.
TEST_F(Supervision, FindsTheKeysAgainAfterTheTokenWasAway) {
  const auto hsm = Open();
  ASSERT_TRUE(hsm);
  ASSERT_TRUE(Signs(*hsm));
  const auto tokens = directory_ / "tokens";
  const auto away = directory_ / "away";
  std::filesystem::rename(tokens, away);
  EXPECT_TRUE(Wait([&] { return !Signs(*hsm) || !hsm->anchors().List(); }));
  std::filesystem::rename(away, tokens);
  EXPECT_TRUE(SignsAgain(*hsm));
  EXPECT_TRUE(Wait([&] { return hsm->anchors().Create(Bytes{1, 2, 3}).has_value(); }));
  EXPECT_TRUE(SignsAgain(*hsm));
}

TEST_F(Supervision, ManyHangAtOnceAndTheirThreadsAreReplaced) {
  const auto hsm = Open(kShort);
  ASSERT_TRUE(hsm);
  SetFault("hang:C_DeriveKey");
  std::vector<std::thread> callers;
  for (std::uint64_t i = 0; i < 16; ++i) {
    callers.emplace_back([&, i] {
      EXPECT_FALSE(testing::SignAndMac(hsm->command_signer(), SomeCommand(1000 + i), device_));
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_GE(hsm->state().hanging, 1U);
  EXPECT_LE(hsm->state().hanging, 64U);
  ClearFault();
  EXPECT_TRUE(SignsAgain(*hsm));
}

TEST_F(Supervision, ClosesWhileACallHangs) {
  auto hsm = Open(kShort);
  ASSERT_TRUE(hsm);
  SetFault("hang");
  ExpectRefused(*hsm);
  hsm.reset();  // comes back although nothing can be closed
  ClearFault();
  // What hung was the last to use the module, and finalised it: another may open.
  EXPECT_TRUE(Wait([&] { return Hsm::Open(Settings()).has_value(); }));
}

TEST_F(Supervision, ClosesWhenClosingItselfHangs) {
  auto hsm = Open(kShort);
  ASSERT_TRUE(hsm);
  ASSERT_TRUE(SignsAgain(*hsm));
  SetFault("hang:C_Logout");
  hsm.reset();
  ClearFault();
  EXPECT_TRUE(Wait([&] { return Hsm::Open(Settings()).has_value(); }));
}

struct Code {
  const char* value;
  ReturnClass kind;
};

// The codes of each class that a module gives for the functions of a handover.
constexpr Code kCodes[] = {
    {"0x5", ReturnClass::kDeviceError},    {"0x6", ReturnClass::kDeviceError},
    {"0x2", ReturnClass::kDeviceError},    {"0x30", ReturnClass::kDeviceError},
    {"0x31", ReturnClass::kDeviceError},   {"0x32", ReturnClass::kDeviceError},
    {"0xe0", ReturnClass::kDeviceError},   {"0xe1", ReturnClass::kDeviceError},
    {"0x190", ReturnClass::kDeviceError},  {"0x80000001", ReturnClass::kDeviceError},
    {"0x7", ReturnClass::kRequestError},   {"0x13", ReturnClass::kRequestError},
    {"0x20", ReturnClass::kRequestError},  {"0x21", ReturnClass::kRequestError},
    {"0x54", ReturnClass::kRequestError},  {"0x68", ReturnClass::kSessionError},
    {"0x62", ReturnClass::kSessionError},  {"0x63", ReturnClass::kSessionError},
    {"0x70", ReturnClass::kRequestError},  {"0x71", ReturnClass::kRequestError},
    {"0x150", ReturnClass::kRequestError}, {"0x50", ReturnClass::kSessionError},
    {"0x60", ReturnClass::kSessionError},  {"0x82", ReturnClass::kSessionError},
    {"0x90", ReturnClass::kSessionError},  {"0x91", ReturnClass::kSessionError},
    {"0xb0", ReturnClass::kSessionError},  {"0xb3", ReturnClass::kSessionError},
    {"0x101", ReturnClass::kSessionError}};

TEST_F(Supervision, OpensOnDeviceErrorsAndNotOnOthersForEachCodeOfEachFunction) {
  const auto hsm = Open();
  ASSERT_TRUE(hsm);
  for (const char* function :
       {"C_DeriveKey", "C_GetAttributeValue", "C_DestroyObject", "C_SignInit", "C_Sign"}) {
    for (const Code& code : kCodes) {
      SCOPED_TRACE(std::string(function) + " " + code.value);
      ASSERT_TRUE(Signs(*hsm));
      ASSERT_EQ(ReturnValue(std::strtoul(code.value, nullptr, 16)).Class(), code.kind);
      const std::uint64_t opened = hsm->state().times_opened;
      SetFault(std::string("ckr:") + function + ":" + code.value);
      const auto began = std::chrono::steady_clock::now();
      std::uint64_t early = 0;
      for (std::uint64_t i = 0; i < kErrorsToOpen; ++i) {
        early = hsm->state().times_opened - opened;
        ExpectRefused(*hsm);
      }
      // Sessions that stay lost so long do open; on a machine that stood still these have.
      const bool may_open = code.kind == ReturnClass::kSessionError &&
                            std::chrono::steady_clock::now() - began >= kSessionErrorsToOpen;
      const bool opens = code.kind == ReturnClass::kDeviceError;
      if (!may_open) {
        EXPECT_EQ(early, 0U);
        EXPECT_EQ(hsm->state().times_opened, opened + (opens ? 1 : 0));
      }
      ClearFault();
      EXPECT_TRUE(SignsAgain(*hsm));
    }
  }
}

// One session that is lost opens nothing. When those in its place are of no use either, nobody goes
// on spending counters on them.
TEST_F(Supervision, OpensWhenSessionsStayLost) {
  const auto hsm = Open();
  ASSERT_TRUE(hsm);
  for (const char* fault : {"ckr:C_SignInit:0x101", "ckr:C_Sign:0xb3", "ckr:C_DeriveKey:0x68",
                            "ckr:C_OpenSession:0x7", "ckr:C_GetSessionInfo:0xb3"}) {
    SCOPED_TRACE(fault);
    ASSERT_TRUE(Signs(*hsm));
    SetFault("close-sessions");
    Signs(*hsm);
    const std::uint64_t opened = hsm->state().times_opened;
    SetFault(fault);
    EXPECT_TRUE(BecomesUnavailable(*hsm));
    EXPECT_EQ(hsm->state().times_opened, opened + 1);
    ClearFault();
    EXPECT_TRUE(SignsAgain(*hsm));
  }
}

TEST_F(Supervision, ComesBackFromWhatOnlyAModuleInitialisedAnewForgets) {
  const auto hsm = Open();
  ASSERT_TRUE(hsm);
  for (const char* fault : {"dead:0xb3", "dead:0x101", "dead:0x82"}) {
    SCOPED_TRACE(fault);
    ASSERT_TRUE(Signs(*hsm));
    SetFault(fault);
    Signs(*hsm);
    ClearFault();
    EXPECT_TRUE(SignsAgain(*hsm));
  }
  EXPECT_GE(hsm->state().initialised_anew, 3U);
}

TEST_F(Supervision, FindsTheKeysAgainWhenTheirHandlesAreOthersObjects) {
  const auto hsm = Open();
  ASSERT_TRUE(hsm);
  ASSERT_TRUE(Signs(*hsm));
  SetFault("renumbered");
  ExpectRefused(*hsm);
  EXPECT_TRUE(Signs(*hsm)) << "at once, without a probe";
  EXPECT_EQ(hsm->state().times_opened, 0U);
}

// A token locks after a few: the PIN is tried once, and readiness says what is the matter.
TEST_F(Supervision, ARefusedPinOpensAndStaysSaid) {
  const auto hsm = Open();
  ASSERT_TRUE(hsm);
  ASSERT_TRUE(Signs(*hsm));
  SetFault("close-sessions");
  Signs(*hsm);
  SetFault("ckr:C_Login:0xa0");
  EXPECT_TRUE(BecomesUnavailable(*hsm));
  EXPECT_NE(hsm->state().why.find("CKR_PIN_INCORRECT"), std::string::npos) << hsm->state().why;
  ClearFault();
  const std::uint64_t probes = hsm->state().probes;
  EXPECT_TRUE(Wait([&] { return hsm->state().probes >= probes + 2; }));
  EXPECT_FALSE(hsm->state().available);
}

TEST_F(Supervision, SaysWhatKeepsItAwayByNow) {
  const auto hsm = Open();
  ASSERT_TRUE(hsm);
  SetFault("gone");
  EXPECT_TRUE(BecomesUnavailable(*hsm));
  EXPECT_EQ(hsm->state().why.find("CKR_DEVICE_REMOVED"), 0U) << hsm->state().why;
  SetFault("ckr:C_Login:0xa4");
  EXPECT_TRUE(Wait([&] { return hsm->state().why.find("CKR_PIN_LOCKED") != std::string::npos; }));
}

// R-SEC3-39: what was approved at the start is that token, in that version.
TEST_F(Supervision, AnotherTokenInTheSlotGetsNeitherPinNorWork) {
  const auto hsm = Open();
  ASSERT_TRUE(hsm);
  ASSERT_TRUE(Signs(*hsm));
  SetFault("gone");
  EXPECT_TRUE(BecomesUnavailable(*hsm));
  SetFault("other-token");
  EXPECT_TRUE(Wait([&] { return hsm->state().why.find("another token") != std::string::npos; }));
  EXPECT_FALSE(Signs(*hsm));
  ClearFault();
  EXPECT_TRUE(SignsAgain(*hsm)) << "the right one is back";
}

TEST_F(Supervision, ComesBackFromEachLossWithoutARestart) {
  const auto hsm = Open();
  ASSERT_TRUE(hsm);
  for (const char* fault :
       {"gone", "dead", "close-sessions", "wrong-signature", "wrong-length", "short-secret",
        "error", "ckr:C_OpenSession:0xb1", "ckr:C_GetSessionInfo:0x101"}) {
    SCOPED_TRACE(fault);
    SetFault(fault);
    // Those that happen once may be over before the breaker opens.
    for (std::uint64_t i = 0; i < kErrorsToOpen; ++i) Signs(*hsm);
    static_cast<void>(hsm->anchors().List());
    ClearFault();
    EXPECT_TRUE(SignsAgain(*hsm));
    EXPECT_TRUE(Wait([&] { return hsm->anchors().List().has_value(); }));
    EXPECT_TRUE(hsm->checkpoint_signer().Sign(AsBytes("checkpoint")));
  }
  EXPECT_GE(hsm->state().initialised_anew, 1U) << "for what was dead";
}

TEST_F(Supervision, SaysWhyItIsNotAskedAndWhenItIsAgain) {
  const auto hsm = Open();
  ASSERT_TRUE(hsm);
  SetFault("ckr:C_Sign:0x30");
  for (std::uint64_t i = 0; i < kErrorsToOpen; ++i) ExpectRefused(*hsm);
  EXPECT_EQ(hsm->state().why, "CKR_DEVICE_ERROR");
  EXPECT_GE(hsm->state().device_errors, kErrorsToOpen);
  ASSERT_TRUE(Wait([&] { return hsm->state().probes >= 2; }));
  EXPECT_FALSE(hsm->state().available) << "a probe that fails changes nothing";
  ClearFault();
  ASSERT_TRUE(Wait([&] { return hsm->state().available; })) << "without anybody's request";
  EXPECT_TRUE(Signs(*hsm));
  ASSERT_TRUE(Wait([&] { return Changes().size() >= 2; }));
  EXPECT_EQ(Changes(), (std::vector<std::string>{"CKR_DEVICE_ERROR", "available"}));
}

}  // namespace
}  // namespace acb::hsm
