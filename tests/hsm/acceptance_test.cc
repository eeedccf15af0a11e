// Create-then-list from two processes (design.md section 5).
#include "hsm/acceptance.h"

#include <chrono>
#include <iostream>

#include "tests/hsm/shim_test.h"
#include "tests/hsm/test_token.h"

namespace acb::hsm {
namespace {

using testing::Why;

class ModuleAcceptance : public testing::ShimTest {
 protected:
  void SetUp() override {
    ShimTest::SetUp();
    ASSERT_TRUE(MakeToken("acb"));
  }
  void TearDown() override {
    unsetenv("ACB_SHIM_FAIL");
    ShimTest::TearDown();
  }
  // Objects files of the token: its own description is one.
  std::size_t ObjectFiles() const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_ / "tokens")) {
      count += entry.path().extension() == ".object" ? 1U : 0U;
    }
    return count;
  }
};

TEST_F(ModuleAcceptance, SoftHsmIsAcceptedAndKeepsNoObjectOfTheTest) {
  const std::size_t before = ObjectFiles();
  int done = 0;
  const auto start = std::chrono::steady_clock::now();
  const auto accepted = AcceptModule(Settings(), kAcceptanceRounds, [&](int round) {
    EXPECT_EQ(round, done + 1);
    done = round;
  });
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - start);
  std::cout << kAcceptanceRounds << " rounds: " << took.count() << " ms\n";
  EXPECT_TRUE(accepted) << Why(accepted);
  EXPECT_EQ(done, kAcceptanceRounds);
  EXPECT_EQ(ObjectFiles(), before);
}

TEST_F(ModuleAcceptance, AModuleThatHidesWhatAnotherProcessMadeIsNot) {
  std::ofstream(directory_ / "fault") << "hide-data\n";
  const auto accepted = AcceptModule(Settings());
  ASSERT_FALSE(accepted);
  EXPECT_EQ(accepted.error().reason, Reason::kHsmUnavailable);
  EXPECT_EQ(accepted.error().detail, "round 1: neither process saw the other's object");
}

TEST_F(ModuleAcceptance, AModuleThatCannotCreateIsNotAndTheDetailSaysInWhichRound) {
  setenv("ACB_SHIM_FAIL", "C_CreateObject:2:before", 1);
  const auto accepted = AcceptModule(Settings());
  ASSERT_FALSE(accepted);
  EXPECT_EQ(accepted.error().detail, "round 2: C_CreateObject (data object): CKR_DEVICE_ERROR");
}

TEST_F(ModuleAcceptance, TriesAWrongPinOnce) {
  HsmSettings settings = Settings();
  settings.pin = testing::ToSecret("11111111");
  const auto accepted = AcceptModule(std::move(settings));
  ASSERT_FALSE(accepted);
  EXPECT_EQ(accepted.error().reason, Reason::kHsmPin) << Why(accepted);
}

TEST_F(ModuleAcceptance, RefusesNoRoundsAndTooMany) {
  for (const int rounds : {0, kMaxAcceptanceRounds + 1}) {
    const auto accepted = AcceptModule(Settings(), rounds);
    ASSERT_FALSE(accepted);
    EXPECT_EQ(accepted.error().reason, Reason::kConfiguration);
  }
  EXPECT_TRUE(AcceptModule(Settings(), 1));
}

TEST_F(ModuleAcceptance, DestroysWhatAnEarlierTestLeft) {
  const std::size_t before = ObjectFiles();
  setenv("ACB_SHIM_FAIL", "C_DestroyObject:1:before", 1);
  EXPECT_FALSE(AcceptModule(Settings(), 1));
  EXPECT_EQ(ObjectFiles(), before + 2);
  unsetenv("ACB_SHIM_FAIL");
  EXPECT_TRUE(AcceptModule(Settings(), 1));
  EXPECT_EQ(ObjectFiles(), before);
}

// What the lister is for. How often it misses is chance, so nothing is demanded of it.
TEST_F(ModuleAcceptance, CountsWhatALongLivedSessionMisses) {
  const auto misses = CountMisses(Settings(), {30, Look::kOwnSession, 30, {}});
  ASSERT_TRUE(misses) << Why(misses);
  std::cout << "through sessions of their own, neither saw the other's object in " << *misses
            << " of 30 rounds\n";
}

}  // namespace
}  // namespace acb::hsm
