// The sessions of the workers: each is lent to one thread at a time.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <vector>

#include "firmware/base/result.h"
#include "hsm/session.h"

namespace acb::hsm {

// How long a worker waits for a session; well under the 5 s in which a request must be answered
// although the HSM is lost (reliability.md F6).
inline constexpr std::chrono::milliseconds kSessionWait{2000};
inline constexpr std::size_t kMaxSessions = 64;

// At most `limit` sessions, opened when they are first needed. Thread-safe. Outlives its leases.
class SessionPool {
 public:
  // A session on loan. On destruction it goes back, or is closed when a call in it has failed, with
  // all that nobody has: others are then opened in their place (ecosystem.md section 3, quirk 9).
  class Lease {
   public:
    Lease(SessionPool& pool, Session session) : pool_(&pool), session_(std::move(session)) {}
    ~Lease();
    Lease(Lease&& other) noexcept
        : pool_(std::exchange(other.pool_, nullptr)), session_(std::move(other.session_)) {}
    Lease& operator=(Lease&&) = delete;
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    Session& session() { return session_; }

   private:
    SessionPool* pool_;
    Session session_;
  };

  // What is done with each session that was opened before it is lent; thread-safe.
  using Prepare = std::function<Status(Session&)>;

  // 1 <= limit <= kMaxSessions.
  SessionPool(const Module& module, CK_SLOT_ID slot, std::size_t limit,
              std::chrono::milliseconds wait = kSessionWait, Prepare prepare = {});

  // Blocks up to the wait, then fails with kHsmUnavailable: every session is busy. Also when a
  // session cannot be opened.
  Result<Lease> Borrow();

  // Closes those that nobody has: after the device was gone they may be of no use. Blocks for the
  // module.
  void CloseIdle();

 private:
  void GiveBack(Session session) noexcept;
  void Leave() noexcept;

  const Module& module_;
  const CK_SLOT_ID slot_;
  const std::size_t limit_;
  const std::chrono::milliseconds wait_;
  const Prepare prepare_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::size_t lent_ = 0;
  std::vector<Session> idle_;
};

}  // namespace acb::hsm
