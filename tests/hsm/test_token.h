// A SoftHSM of its own for each test: a directory that goes away, SOFTHSM2_CONF that names it, and
// what is often needed of both. Tests of this program run one after the other: the module is one
// per process.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>

#include "firmware/ports.h"
#include "hsm/hsm.h"
#include "hsm/provisioning.h"

namespace acb::hsm::testing {

inline constexpr const char* kSoftHsm = "/usr/lib/softhsm/libsofthsm2.so";
inline constexpr const char* kPin = "24680135";
inline constexpr const char* kSoPin = "97531864";

inline Secret ToSecret(std::string_view text) {
  Secret secret(text.size());
  std::ranges::copy(AsBytes(text), secret.Writable().begin());
  return secret;
}

// What a test prints when an operation it needs has failed.
template <class T>
std::string Why(const Result<T>& result) {
  if (result) return "ok";
  return std::string(Describe(result.error().reason).name) + ": " + result.error().detail;
}

class TokenTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "acb-hsm-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
    std::filesystem::create_directory(directory_ / "tokens");
    std::ofstream(directory_ / "softhsm2.conf")
        << "directories.tokendir = " << (directory_ / "tokens").string() << "\n"
        << "objectstore.backend = file\nlog.level = ERROR\n";
    setenv("SOFTHSM2_CONF", (directory_ / "softhsm2.conf").c_str(), 1);
  }
  void TearDown() override {
    unsetenv("SOFTHSM2_CONF");
    std::filesystem::remove_all(directory_);
  }

  HsmSettings Settings() const {
    // Nothing here is meant to take too long, however slow the machine is.
    return HsmSettings{.module_path = module_,
                       .token_label = "acb",
                       .pin = ToSecret(kPin),
                       .lock_file = directory_ / "lock",
                       .sessions = 4,
                       .deadline = std::chrono::minutes(1)};
  }
  Status MakeToken(const std::string& label) const {
    return InitToken(
        NewToken{module_, directory_ / "lock", label, ToSecret(kSoPin), ToSecret(kPin)});
  }
  std::unique_ptr<Provisioning> StartProvisioning() const {
    auto opened = Provisioning::Open(Settings());
    EXPECT_TRUE(opened) << Why(opened);
    return opened ? *std::move(opened) : nullptr;
  }
  // A token "acb" with those of the three keys that are named.
  void Provision(std::initializer_list<std::string_view> labels = {kAcbDsLabel, kAcbKaLabel,
                                                                   kCheckpointLabel}) const {
    const auto made = MakeToken("acb");
    ASSERT_TRUE(made) << Why(made);
    const auto provisioning = StartProvisioning();
    ASSERT_TRUE(provisioning);
    for (const std::string_view label : labels) {
      const KeyPurpose purpose = label == kAcbDsLabel   ? KeyPurpose::kSigning
                                 : label == kAcbKaLabel ? KeyPurpose::kAgreement
                                                        : KeyPurpose::kCheckpoint;
      const auto key = provisioning->GenerateKeyPair(label, purpose);
      ASSERT_TRUE(key) << Why(key);
    }
  }
  // With a lister, started first.
  HsmSettings SettingsWithLister(
      std::chrono::milliseconds deadline = std::chrono::milliseconds(60'000)) const {
    HsmSettings settings = Settings();
    auto lister = Lister::Start(settings, deadline);
    EXPECT_TRUE(lister) << Why(lister);
    if (lister) settings.lister = *std::move(lister);
    return settings;
  }
  std::unique_ptr<Hsm> OpenHsmWithLister() const {
    auto opened = Hsm::Open(SettingsWithLister());
    EXPECT_TRUE(opened) << Why(opened);
    return opened ? *std::move(opened) : nullptr;
  }
  std::unique_ptr<Hsm> OpenHsm() const {
    auto opened = Hsm::Open(Settings());
    EXPECT_TRUE(opened) << Why(opened);
    return opened ? *std::move(opened) : nullptr;
  }

  std::filesystem::path directory_;
  std::filesystem::path module_ = kSoftHsm;
};

// Only a CounterStore makes counters.
struct Minter : CounterStore {
  static ReservedCounter Make(Eui64 device, RemotePartyRole role, std::uint64_t counter) {
    return Mint(RequestId{Eui64(0x90b3d51f30010000), device, 1}, role,
                *OriginatorCounter::From(counter));
  }
};

inline constexpr Eui64 kAcbId{0x90b3d51f30000002};
inline constexpr Eui64 kDevice{0x00db1234567890a3};

// For a test that does not ask whether the HSM lied.
inline Result<gbcs::SignedCommand> SignAndMac(CommandSigner& signer,
                                              const gbcs::UnsignedCommand& command,
                                              const PublicPoint& device_key) {
  bool lied = false;
  return signer.SignAndMac(command, device_key, lied);
}

// A command whose certificates are made up: what is signed does not matter to a signer.
inline gbcs::UnsignedCommand SomeCommand(std::uint64_t counter) {
  const Bytes certificate = {0x30, 0x03, 0x02, 0x01, 0x05};
  auto command = gbcs::BuildUpdateSecurityCredentials(
      gbcs::HandoverContent{kAcbId,
                            FloorSeqNumber::From(0),
                            std::nullopt,
                            true,
                            certificate,
                            certificate,
                            std::nullopt,
                            {certificate}},
      Minter::Make(kDevice, RemotePartyRole::kNetworkOperator, counter));
  EXPECT_TRUE(command) << Why(command);
  return *std::move(command);
}

}  // namespace acb::hsm::testing
