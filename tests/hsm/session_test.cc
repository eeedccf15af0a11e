#include <thread>

#include "hsm/login.h"
#include "hsm/opened.h"
#include "hsm/session_pool.h"
#include "tests/hsm/test_token.h"

namespace acb::hsm {
namespace {

using std::chrono::milliseconds;
using testing::Why;

class SessionPooling : public testing::TokenTest {
 protected:
  void SetUp() override {
    TokenTest::SetUp();
    ASSERT_TRUE(MakeToken("acb"));
    HsmSettings settings = Settings();
    auto opened = OpenToken(settings, SessionAccess::kReadOnly);
    ASSERT_TRUE(opened) << Why(opened);
    opened_.emplace(*std::move(opened));
  }
  void TearDown() override {
    opened_.reset();
    TokenTest::TearDown();
  }
  // Begins a search in the session. In a session that has one it fails with CKR_OPERATION_ACTIVE.
  static ReturnValue BeginSearch(Session& session) {
    return session.Call(&CK_FUNCTION_LIST::C_FindObjectsInit, nullptr, 0UL);
  }
  static CK_SESSION_INFO Describe(Session& session) {
    CK_SESSION_INFO info{};
    EXPECT_TRUE(session.Call(&CK_FUNCTION_LIST::C_GetSessionInfo, &info).ok());
    return info;
  }

  std::optional<Opened> opened_;
};

TEST_F(SessionPooling, ItsSessionsAreLoggedIn) {
  SessionPool pool(*opened_->module, opened_->token.slot, 1);
  auto lease = pool.Borrow();
  ASSERT_TRUE(lease) << Why(lease);
  EXPECT_EQ(Describe(lease->session()).state, static_cast<CK_STATE>(CKS_RO_USER_FUNCTIONS));
}

TEST_F(SessionPooling, IsBusyWhenEverySessionIsLentAndGoesOnWhenOneReturns) {
  SessionPool pool(*opened_->module, opened_->token.slot, 2, milliseconds(30));
  auto first = pool.Borrow();
  {
    auto second = pool.Borrow();
    ASSERT_TRUE(first && second);
    const auto third = pool.Borrow();
    ASSERT_FALSE(third);
    EXPECT_EQ(third.error().reason, Reason::kHsmUnavailable);
    EXPECT_EQ(third.error().detail, "busy: every session with the HSM is in use");
  }
  EXPECT_TRUE(pool.Borrow());
}

TEST_F(SessionPooling, AWaitingThreadGetsTheSessionThatReturns) {
  SessionPool pool(*opened_->module, opened_->token.slot, 1, milliseconds(10'000));
  std::thread waiting;
  bool served = false;
  {
    auto lease = pool.Borrow();
    ASSERT_TRUE(lease);
    waiting = std::thread([&] { served = pool.Borrow().has_value(); });
  }
  waiting.join();
  EXPECT_TRUE(served);
}

// An operation that is active cannot be ended (ecosystem.md section 3, quirk 9): here a search,
// which also tells one session from another.
TEST_F(SessionPooling, KeepsAGoodSessionAndReplacesAFailedOne) {
  SessionPool pool(*opened_->module, opened_->token.slot, 4);
  {
    auto lease = pool.Borrow();
    ASSERT_TRUE(lease);
    EXPECT_TRUE(BeginSearch(lease->session()).ok());
    EXPECT_TRUE(lease->session().usable());
  }
  {
    auto lease = pool.Borrow();
    ASSERT_TRUE(lease);
    EXPECT_EQ(BeginSearch(lease->session()).Text(), "CKR_OPERATION_ACTIVE") << "the same session";
    EXPECT_FALSE(lease->session().usable());
  }
  auto lease = pool.Borrow();
  ASSERT_TRUE(lease) << Why(lease);
  EXPECT_TRUE(lease->session().usable());
  EXPECT_TRUE(BeginSearch(lease->session()).ok()) << "another session";
}

// A token logs out when its last session closes (ecosystem.md section 3, quirk 5).
TEST_F(SessionPooling, TheLoginOutlivesTheSessionsOfThePool) {
  {
    SessionPool pool(*opened_->module, opened_->token.slot, 2);
    ASSERT_TRUE(pool.Borrow());
  }
  SessionPool pool(*opened_->module, opened_->token.slot, 2);
  auto lease = pool.Borrow();
  ASSERT_TRUE(lease);
  EXPECT_EQ(Describe(lease->session()).state, static_cast<CK_STATE>(CKS_RO_USER_FUNCTIONS));
}

TEST_F(SessionPooling, SayWhenNoSessionCanBeOpened) {
  SessionPool pool(*opened_->module, 0xdead, 1, milliseconds(30));
  for (int i = 0; i < 3; ++i) {
    const auto lease = pool.Borrow();
    ASSERT_FALSE(lease);
    EXPECT_EQ(lease.error().detail, "C_OpenSession: CKR_SLOT_ID_INVALID");
  }
}

TEST_F(SessionPooling, ASecondLoginOfTheProcessIsNoFailure) {
  const auto again = Login::Open(*opened_->module, opened_->token, User::kUser,
                                 testing::ToSecret(testing::kPin), SessionAccess::kReadOnly);
  EXPECT_TRUE(again) << Why(again);
}

class StartLocking : public testing::TokenTest {};

TEST_F(StartLocking, KeepsASecondHolderWaitingUntilTheFirstIsDone) {
  std::atomic<bool> released = false;
  std::thread second;
  bool in_order = false;
  {
    const auto first = StartLock::Acquire(directory_ / "lock");
    ASSERT_TRUE(first) << Why(first);
    second = std::thread([&] {
      const auto lock = StartLock::Acquire(directory_ / "lock");
      in_order = lock.has_value() && released;
    });
    std::this_thread::sleep_for(milliseconds(100));
    released = true;
  }
  second.join();
  EXPECT_TRUE(in_order);
}

TEST_F(StartLocking, DoesNotFollowALink) {
  std::filesystem::create_symlink(directory_ / "elsewhere", directory_ / "link");
  const auto lock = StartLock::Acquire(directory_ / "link");
  ASSERT_FALSE(lock);
  EXPECT_EQ(lock.error().reason, Reason::kConfiguration);
  EXPECT_FALSE(std::filesystem::exists(directory_ / "elsewhere"));
}

}  // namespace
}  // namespace acb::hsm
