// What a module derives is verified before it is used (issue 7 "ECDH-result verification before
// release"), with SoftHSM and with secrets that are made wrong here or by shim_module.cc.
#include "hsm/agreement_check.h"

#include <thread>

#include "hsm/curve.h"
#include "hsm/opened.h"
#include "hsm/operations.h"
#include "hsm/software_key.h"
#include "tests/hsm/shim_test.h"
#include "tests/hsm/test_token.h"

namespace acb::hsm {
namespace {

using testing::SomeCommand;
using testing::Why;

using Claim = std::shared_ptr<const AgreementClaim>;

class AgreementCheck : public testing::TokenTest {
 protected:
  void SetUp() override {
    TokenTest::SetUp();
    Provision({kAcbKaLabel});
    HsmSettings settings = Settings();
    auto opened = OpenToken(settings, SessionAccess::kReadOnly);
    ASSERT_TRUE(opened) << Why(opened);
    opened_.emplace(*std::move(opened));
    auto key = Key::Find(session(), kAcbKaLabel, KeyPurpose::kAgreement);
    ASSERT_TRUE(key) << Why(key);
    key_ = *std::move(key);
  }
  void TearDown() override {
    opened_.reset();
    TokenTest::TearDown();
  }
  Session& session() { return opened_->login->session(); }

  static PublicPoint NewDevice() { return SoftwareKey::Generate()->point(); }
  Secret Derive(const PublicPoint& device) { return *Agree(session(), *key_, device); }
  Claim RightClaim() {
    const PublicPoint device = NewDevice();
    return std::make_shared<const AgreementClaim>(device, Derive(device));
  }
  static Claim With(const PublicPoint& device, const Secret& secret, std::size_t flipped) {
    Secret changed(secret.size());
    std::ranges::copy(secret.View(), changed.Writable().begin());
    changed.Writable()[flipped / 8] ^= static_cast<std::uint8_t>(1U << flipped % 8);
    return std::make_shared<const AgreementClaim>(device, std::move(changed));
  }

  // As HsmCommandSigner does.
  static Status Check(AgreementChecker& checker, Session& session, Claim claim) {
    AgreementChecker::OnTheWay here(checker, session);
    return checker.Check(session, here, std::move(claim));
  }

  std::optional<Opened> opened_;
  std::unique_ptr<Key> key_;
};

TEST_F(AgreementCheck, TakesWhatIsRightInGroupsOfEachSize) {
  AgreementChecker checker(*key_, VerifyAgreements::kEvery);
  for (std::size_t size = 1; size <= kMaxAgreementGroup; ++size) {
    for (int round = 0; round < 20; ++round) {
      std::vector<Claim> group;
      for (std::size_t i = 0; i < size; ++i) group.push_back(RightClaim());
      bool lied = false;
      const Status checked = checker.CheckGroup(session(), group, &lied);
      EXPECT_TRUE(checked) << size << ": " << Why(checked);
      EXPECT_FALSE(lied);
    }
  }
}

TEST_F(AgreementCheck, TakesTheSameDeviceTwiceInAGroup) {
  AgreementChecker checker(*key_, VerifyAgreements::kEvery);
  const Claim claim = RightClaim();
  EXPECT_TRUE(checker.CheckGroup(session(), {claim, claim}, nullptr));
}

TEST_F(AgreementCheck, RefusesASecretWithAnyBitWrongWhereverItStandsInTheGroup) {
  AgreementChecker checker(*key_, VerifyAgreements::kEvery);
  const PublicPoint device = NewDevice();
  const Secret right = Derive(device);
  const Claim neighbour = RightClaim();
  for (std::size_t bit = 0; bit < 256; ++bit) {
    SCOPED_TRACE(bit);
    bool lied = false;
    const Claim wrong = With(device, right, bit);
    const auto group = bit % 3 == 0   ? std::vector<Claim>{wrong}
                       : bit % 3 == 1 ? std::vector<Claim>{wrong, neighbour}
                                      : std::vector<Claim>{neighbour, wrong};
    const Status refused = checker.CheckGroup(session(), group, &lied);
    ASSERT_FALSE(refused);
    EXPECT_TRUE(lied);
    EXPECT_EQ(refused.error().reason, Reason::kHsmUnavailable);
    EXPECT_EQ(refused.error().detail, "key \"acb-ka\": the module derived a secret that is wrong");
  }
}

TEST_F(AgreementCheck, RefusesSecretsThatWereExchanged) {
  AgreementChecker checker(*key_, VerifyAgreements::kEvery);
  const PublicPoint one = NewDevice();
  const PublicPoint other = NewDevice();
  const std::vector<Claim> exchanged = {std::make_shared<const AgreementClaim>(one, Derive(other)),
                                        std::make_shared<const AgreementClaim>(other, Derive(one))};
  EXPECT_FALSE(checker.CheckGroup(session(), exchanged, nullptr));
}

// Groups large enough that the blinds of the first are used up, twice.
TEST_F(AgreementCheck, TakesWhatIsRightLongAfterTheStart) {
  AgreementChecker checker(*key_, VerifyAgreements::kEvery);
  const Claim claim = RightClaim();
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(checker.CheckGroup(session(), {claim}, nullptr)) << i;
}

TEST_F(AgreementCheck, RefusesOneWrongSecretAtEachPlaceOfEachSize) {
  AgreementChecker checker(*key_, VerifyAgreements::kEvery);
  for (std::size_t size = 1; size <= kMaxAgreementGroup; ++size) {
    for (std::size_t place = 0; place < size; ++place) {
      SCOPED_TRACE(std::to_string(place) + " of " + std::to_string(size));
      std::vector<Claim> group;
      for (std::size_t i = 0; i < size; ++i) group.push_back(RightClaim());
      EXPECT_TRUE(checker.CheckGroup(session(), group, nullptr));
      // The secret of another device: an x coordinate, which a flipped bit often is not.
      group[place] =
          std::make_shared<const AgreementClaim>(group[place]->device, Derive(NewDevice()));
      EXPECT_FALSE(checker.CheckGroup(session(), group, nullptr));
    }
  }
}

// Errors that are multiples of what is right, by which a sum with other factors came out right.
TEST_F(AgreementCheck, RefusesSecretsThatMakeUpForEachOther) {
  AgreementChecker checker(*key_, VerifyAgreements::kEvery);
  const auto one = SoftwareKey::Generate();
  const PublicPoint p = one->point();
  const PublicPoint q = NewDevice();
  Curve curve;
  const auto point_p = curve.From(p);
  const auto point_q = curve.From(q);
  const PublicPoint p_and_q = curve.Octets(curve.Combine({1, 1}, {&point_p, &point_q}));
  const PublicPoint twice_p = curve.Octets(curve.Combine({2}, {&point_p}));
  const PublicPoint thrice_p = curve.Octets(curve.Combine({3}, {&point_p}));
  auto opposite = curve.Copy(point_p);
  curve.Negate(opposite);
  const PublicPoint minus_p = curve.Octets(opposite);
  ASSERT_TRUE(curve.good());
  const auto claim = [&](const PublicPoint& device, const PublicPoint& of) {
    return std::make_shared<const AgreementClaim>(device, Derive(of));
  };
  const std::vector<std::vector<Claim>> wrong = {
      {claim(p, q), claim(p, q), claim(q, p)},              // exchanged, one of them twice
      {claim(p, p), claim(p, twice_p)},                     // one doubling too many
      {claim(p, thrice_p), claim(p, thrice_p)},             // the same wrong answer twice
      {claim(p, p), claim(q, p_and_q)},                     // a sum that was not cleared
      {claim(p, p_and_q), claim(q, q)},                     //
      {claim(p, q), claim(p, q), claim(minus_p, q)},        // whose right sum may be nothing
      {claim(q, q), claim(p, p), claim(minus_p, twice_p)},  //
  };
  for (std::size_t i = 0; i < wrong.size(); ++i) {
    bool lied = false;
    EXPECT_FALSE(checker.CheckGroup(session(), wrong[i], &lied)) << i;
    EXPECT_TRUE(lied) << i;
  }
  EXPECT_TRUE(
      checker.CheckGroup(session(), {claim(p, p), claim(minus_p, p), claim(q, q)}, nullptr));
}

TEST_F(AgreementCheck, RefusesTheSecretOfAnotherKey) {
  AgreementChecker checker(*key_, VerifyAgreements::kEvery);
  const PublicPoint device = NewDevice();
  const auto stranger = SoftwareKey::Generate();
  ASSERT_TRUE(stranger);
  const Claim wrong = std::make_shared<const AgreementClaim>(device, *stranger->Agree(device));
  EXPECT_FALSE(checker.CheckGroup(session(), {wrong}, nullptr));
  EXPECT_FALSE(checker.CheckGroup(
      session(), {std::make_shared<const AgreementClaim>(device, Secret(32))}, nullptr));
}

TEST_F(AgreementCheck, SampledAsksForOneInSoMany) {
  AgreementChecker checker(*key_, VerifyAgreements::kSampled);
  const Claim claim = RightClaim();
  for (std::uint64_t i = 0; i < 3 * kSampledEvery; ++i) {
    EXPECT_TRUE(Check(checker, session(), claim));
  }
  EXPECT_EQ(checker.derivations(), 3U);
  AgreementChecker every(*key_, VerifyAgreements::kEvery);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(Check(every, session(), claim));
  EXPECT_EQ(every.derivations(), 5U);
}

// Each thread in a session of its own; the wrong ones are refused, and the right ones are released
// unless they were checked together with a wrong one.
TEST_F(AgreementCheck, ManyThreadsShareTheirChecks) {
  AgreementChecker checker(*key_, VerifyAgreements::kEvery);
  std::vector<Claim> right;
  std::vector<Claim> wrong;
  for (int i = 0; i < 8; ++i) {
    right.push_back(RightClaim());
    const PublicPoint device = NewDevice();
    wrong.push_back(With(device, Derive(device), 17));
  }
  std::atomic<int> refused_right = 0;
  std::atomic<int> released_wrong = 0;
  const auto check_all = [&](const std::vector<Claim>& claims, bool is_right) {
    auto own = Session::Open(*opened_->module, opened_->token.slot, SessionAccess::kReadOnly);
    ASSERT_TRUE(own);
    for (const Claim& claim : claims) {
      const bool good = Check(checker, *own, claim).has_value();
      if (is_right && !good) ++refused_right;
      if (!is_right && good) ++released_wrong;
    }
  };
  constexpr std::size_t kThreads = 6;
  const auto together = [&](bool with_wrong) {
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] { check_all(right, true); });
      if (with_wrong) threads.emplace_back([&] { check_all(wrong, false); });
    }
    for (std::thread& thread : threads) thread.join();
  };
  // On a busy machine it may be that no two threads meet: in all of the rounds it cannot.
  constexpr std::size_t kMostRounds = 200;
  std::size_t asked = 0;
  for (std::size_t round = 0; round < kMostRounds && checker.derivations() == asked; ++round) {
    together(false);
    asked += kThreads * right.size();
  }
  EXPECT_EQ(refused_right, 0);
  EXPECT_LT(checker.derivations(), asked);
  together(true);
  EXPECT_EQ(released_wrong, 0);
}

class LyingAgreement : public testing::ShimTest {
 protected:
  void SetUp() override {
    ShimTest::SetUp();
    Provision();
  }
};

TEST_F(LyingAgreement, NoCommandLeavesThatWasMadeWithAWrongSecret) {
  const auto hsm = OpenHsm();
  ASSERT_TRUE(hsm);
  const PublicPoint device = SoftwareKey::Generate()->point();
  for (const char* fault : {"wrong-secret", "stale-secret", "zero-secret", "short-secret"}) {
    SCOPED_TRACE(fault);
    ASSERT_TRUE(testing::SignAndMac(hsm->command_signer(), SomeCommand(1), device));
    SetFault(fault);
    EXPECT_FALSE(testing::SignAndMac(hsm->command_signer(), SomeCommand(2), device));
    ClearFault();
  }
  EXPECT_TRUE(testing::SignAndMac(hsm->command_signer(), SomeCommand(3), device));
}

// One wrong answer to a check does not spoil those that follow.
TEST_F(LyingAgreement, NorWithAWrongAnswerToTheCheck) {
  const auto hsm = OpenHsm();
  ASSERT_TRUE(hsm);
  const PublicPoint device = SoftwareKey::Generate()->point();
  for (const char* fault : {"wrong-check", "stale-check"}) {
    SCOPED_TRACE(fault);
    SetFault(fault);
    EXPECT_FALSE(testing::SignAndMac(hsm->command_signer(), SomeCommand(1), device));
    ClearFault();
    EXPECT_TRUE(testing::SignAndMac(hsm->command_signer(), SomeCommand(2), device));
  }
}

// Who checks for others hangs: they do without it.
TEST_F(LyingAgreement, OthersDoNotHangWithACheckThatHangs) {
  const auto hsm = OpenHsm();
  ASSERT_TRUE(hsm);
  const PublicPoint device = SoftwareKey::Generate()->point();
  ASSERT_TRUE(testing::SignAndMac(hsm->command_signer(), SomeCommand(1), device));
  const std::filesystem::path log = directory_ / "log";
  setenv("ACB_SHIM_LOG", log.c_str(), 1);
  const auto hangs_now = [&] {
    std::ifstream in(log);
    std::string line;
    while (std::getline(in, line)) {
      if (line == "hangs") return true;
    }
    return false;
  };
  SetFault("hang-check");
  std::thread hangs(
      [&] { EXPECT_TRUE(testing::SignAndMac(hsm->command_signer(), SomeCommand(2), device)); });
  while (!hangs_now()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  for (std::uint64_t counter = 3; counter < 8; ++counter) {
    EXPECT_TRUE(testing::SignAndMac(hsm->command_signer(), SomeCommand(counter), device));
  }
  ClearFault();
  hangs.join();
}

}  // namespace
}  // namespace acb::hsm
