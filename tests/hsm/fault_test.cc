// A module that fails and lies (reliability.md F6), by way of shim_module.cc.
#include <thread>

#include "firmware/base/sha256.h"
#include "firmware/gbcs/mac.h"
#include "firmware/gbcs/message.h"
#include "hsm/software_key.h"
#include "tests/hsm/shim_test.h"
#include "tests/hsm/test_token.h"

namespace acb::hsm {
namespace {

using testing::SomeCommand;
using testing::Why;

class LyingModule : public testing::ShimTest {
 protected:
  void SetUp() override {
    ShimTest::SetUp();
    auto device = SoftwareKey::Generate();
    ASSERT_TRUE(device);
    device_ = device->point();
  }
  void TearDown() override {
    for (const char* name :
         {"ACB_SHIM_SIGN_DELAY_US", "ACB_SHIM_GONE_FILE", "ACB_SHIM_SIGN_DELAY_AFTER_US"}) {
      unsetenv(name);
    }
    ShimTest::TearDown();
  }
  std::vector<std::string> Log() const {
    std::ifstream in(directory_ / "log");
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
  }

  PublicPoint device_{};
};

struct Lie {
  const char* fault;
  const char* detail;
};

TEST_F(LyingModule, NothingWrongLeavesTheSignerAndItGoesOnAfterwards) {
  Provision();
  const auto hsm = OpenHsm();
  ASSERT_TRUE(hsm);
  HsmCommandSigner& signer = hsm->command_signer();
  for (const Lie& lie :
       {Lie{"wrong-signature", "key \"acb-ds\": the module gave a signature that does not verify"},
        Lie{"wrong-length", "C_Sign gave 63 octets"}, Lie{"error", "C_Sign: CKR_DEVICE_ERROR"},
        Lie{"short-secret", "a derived secret has 31 octets"}}) {
    SCOPED_TRACE(lie.fault);
    SetFault(lie.fault);
    bool lied = false;
    const auto refused = signer.SignAndMac(SomeCommand(5), device_, lied);
    EXPECT_EQ(lied, std::string_view(lie.fault) == "wrong-signature") << "for an alarm";
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason, Reason::kHsmUnavailable);
    EXPECT_EQ(refused.error().detail, lie.detail);
    EXPECT_EQ(refused.error().explanation, "");
    ClearFault();
    const auto good = testing::SignAndMac(signer, SomeCommand(6), device_);
    EXPECT_TRUE(good) << Why(good);
  }
}

TEST_F(LyingModule, AWrongCheckpointSignatureDoesNotLeave) {
  Provision();
  const auto hsm = OpenHsm();
  ASSERT_TRUE(hsm);
  SetFault("wrong-signature");
  EXPECT_FALSE(hsm->checkpoint_signer().Sign(AsBytes("checkpoint")));
  ClearFault();
  EXPECT_TRUE(hsm->checkpoint_signer().Sign(AsBytes("checkpoint")));
}

TEST_F(LyingModule, DoesNotPassTheStart) {
  Provision();
  for (const Lie& lie :
       {Lie{"wrong-signature", "key \"acb-ds\": the module gave a signature that does not verify"},
        Lie{"wrong-length", "C_Sign gave 63 octets"}, Lie{"error", "C_Sign: CKR_DEVICE_ERROR"},
        Lie{"wrong-secret",
            "key \"acb-ka\": the module derives another secret than its public half says"},
        Lie{"short-secret", "a derived secret has 31 octets"}}) {
    SCOPED_TRACE(lie.fault);
    SetFault(lie.fault);
    const auto refused = Hsm::Open(Settings());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason, Reason::kHsmUnavailable);
    EXPECT_EQ(refused.error().detail, lie.detail);
  }
  ClearFault();
  EXPECT_TRUE(OpenHsm());
}

TEST_F(LyingModule, AKeyThatFailsItsTestIsDestroyedAgain) {
  ASSERT_TRUE(MakeToken("acb"));
  const auto provisioning = StartProvisioning();
  ASSERT_TRUE(provisioning);
  SetFault("wrong-signature");
  const auto refused = provisioning->GenerateKeyPair(kAcbDsLabel, KeyPurpose::kSigning);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, Reason::kHsmUnavailable);
  ClearFault();
  const auto made = provisioning->GenerateKeyPair(kAcbDsLabel, KeyPurpose::kSigning);
  EXPECT_TRUE(made) << "the label is free again: " << Why(made);
}

TEST_F(LyingModule, EverySignatureThatLeavesIsGoodWhileTheFaultComesAndGoes) {
  Provision();
  const auto hsm = OpenHsm();
  ASSERT_TRUE(hsm);
  std::atomic<int> good = 0;
  std::atomic<int> refused = 0;
  std::atomic<int> wrong = 0;
  const auto sign = [&](std::uint64_t first) {
    for (std::uint64_t i = 0; i < 150; ++i) {
      // While the breaker is open everybody is refused at once: some of it has to be signed.
      for (int wait = 0; wait < 100 && !hsm->state().available; ++wait) {
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
      }
      const auto command =
          testing::SignAndMac(hsm->command_signer(), SomeCommand(first + i), device_);
      if (!command) {
        ++refused;
        continue;
      }
      const auto message = gbcs::Message::Parse(command->octets);
      const bool verifies =
          message &&
          gbcs::VerifySignature(message->ToBeSigned(), *message->signature(), hsm->acb_ds_public());
      ++(verifies ? good : wrong);
    }
  };
  ASSERT_TRUE(testing::SignAndMac(hsm->command_signer(), SomeCommand(9), device_));
  std::atomic<bool> stop = false;
  std::thread fault([&] {
    while (!stop) {
      SetFault("wrong-signature");
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      ClearFault();
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  });
  std::vector<std::thread> signers;
  for (std::uint64_t t = 0; t < 4; ++t) signers.emplace_back(sign, 1 + 1000 * t);
  for (std::thread& thread : signers) thread.join();
  stop = true;
  fault.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(good, 0);
  EXPECT_GT(refused, 0);
  EXPECT_EQ(good + refused, 600);
}

TEST_F(LyingModule, WithoutEd25519TheCheckpointKeyIsP256) {
  SetFault("no-eddsa");
  Provision({kAcbDsLabel, kAcbKaLabel});
  {
    const auto key =
        StartProvisioning()->GenerateKeyPair(kCheckpointLabel, KeyPurpose::kCheckpoint);
    ASSERT_TRUE(key) << Why(key);
    EXPECT_EQ(key->algorithm, KeyAlgorithm::kP256);
  }
  const auto hsm = OpenHsm();
  ASSERT_TRUE(hsm);
  const auto signature = hsm->checkpoint_signer().Sign(AsBytes("checkpoint"));
  ASSERT_TRUE(signature) << Why(signature);
  EXPECT_EQ(hsm->checkpoint_signer().public_key().algorithm, KeyAlgorithm::kP256);
  EXPECT_TRUE(Verify(hsm->checkpoint_signer().public_key(), AsBytes("checkpoint"), *signature));
}

// What the kill tests rely on: the log holds every signature the module gave.
TEST_F(LyingModule, TheLogOfTheShimHoldsEverySignature) {
  setenv("ACB_SHIM_LOG", (directory_ / "log").c_str(), 1);
  Provision();
  const auto hsm = OpenHsm();
  ASSERT_TRUE(hsm);
  const gbcs::UnsignedCommand unsigned_command = SomeCommand(9);
  const auto command = testing::SignAndMac(hsm->command_signer(), unsigned_command, device_);
  ASSERT_TRUE(command) << Why(command);
  const auto message = gbcs::Message::Parse(command->octets);
  ASSERT_TRUE(message);
  EXPECT_EQ(Log().back(), "acb-ds " + ToHex(Sha256(unsigned_command.ToBeSigned())) + " " +
                              ToHex(*message->signature()));
  // Two keys tested when they were made and again at the start, and the command.
  EXPECT_EQ(Log().size(), 2U + 2U + 1U);
}

// Scenario hsm-lost-before-sign: the device goes away and comes back, with its sessions and the
// login or without.
TEST_F(LyingModule, SigningAndAnchorsResumeWhenTheDeviceIsBack) {
  setenv("ACB_SHIM_GONE_FILE", (directory_ / "gone").c_str(), 1);
  Provision();
  const auto hsm = OpenHsmWithLister();
  ASSERT_TRUE(hsm);
  ASSERT_TRUE(hsm->anchors().Create(Bytes(190, 1)));
  for (const char* what : {"device", "sessions"}) {
    SCOPED_TRACE(what);
    ASSERT_TRUE(testing::SignAndMac(hsm->command_signer(), SomeCommand(1), device_));
    ASSERT_TRUE(hsm->anchors().List());
    std::ofstream(directory_ / "gone") << what;
    for (int i = 0; i < 6; ++i) {
      const auto refused = testing::SignAndMac(hsm->command_signer(), SomeCommand(2), device_);
      ASSERT_FALSE(refused);
      EXPECT_EQ(refused.error().reason, Reason::kHsmUnavailable);
    }
    EXPECT_FALSE(hsm->anchors().List());
    EXPECT_FALSE(hsm->anchors().ListAnew());
    EXPECT_FALSE(hsm->anchors().Create(Bytes(190, 2)));
    EXPECT_FALSE(hsm->anchors().Destroy(Bytes(190, 1)));
    std::filesystem::remove(directory_ / "gone");
    // The breaker opened: a probe has to find that it is back.
    for (int i = 0; i < 6000 && !hsm->state().available; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    const auto command = testing::SignAndMac(hsm->command_signer(), SomeCommand(3), device_);
    EXPECT_TRUE(command) << Why(command);
    const auto signature = hsm->checkpoint_signer().Sign(AsBytes("checkpoint"));
    EXPECT_TRUE(signature) << Why(signature);
    for (const auto& listed : {hsm->anchors().List(), hsm->anchors().ListAnew()}) {
      ASSERT_TRUE(listed) << Why(listed);
      EXPECT_EQ(*listed, std::vector<Bytes>{Bytes(190, 1)});
    }
  }
}

TEST_F(LyingModule, FailsTheCallThatIsNamedBeforeOrAfterItsWork) {
  Provision();
  const auto hsm = OpenHsm();
  ASSERT_TRUE(hsm);
  AnchorObjects& anchors = hsm->anchors();
  // Some of what fails here fails often enough in a row to open the breaker.
  const auto mend = [&] {
    ClearFault();
    while (!hsm->state().available) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  };
  SetFault("before:C_CreateObject");
  EXPECT_FALSE(anchors.Create(Bytes(190, 1)));
  mend();
  EXPECT_EQ(anchors.List()->size(), 0U);
  SetFault("after:C_CreateObject");
  EXPECT_FALSE(anchors.Create(Bytes(190, 1)));
  SetFault("after:C_FindObjects");
  EXPECT_FALSE(anchors.List());
  mend();
  EXPECT_EQ(anchors.List()->size(), 1U) << "failed but kept";
  SetFault("before:C_DestroyObject");
  EXPECT_FALSE(anchors.Destroy(Bytes(190, 1)));
  mend();
  EXPECT_EQ(anchors.List()->size(), 1U);
  SetFault("wrong-secret");
  EXPECT_FALSE(anchors.Create(Bytes(190, 3))) << "read back and compared";
  mend();
  EXPECT_EQ(anchors.List()->size(), 1U) << "and destroyed";
}

TEST_F(LyingModule, TheShimNeedsAModuleToForwardTo) {
  unsetenv("ACB_SHIM_MODULE");
  const auto opened = Hsm::Open(Settings());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().reason, Reason::kHsmUnavailable);
}

}  // namespace
}  // namespace acb::hsm
