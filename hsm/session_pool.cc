#include "hsm/session_pool.h"

#include <utility>

namespace acb::hsm {

SessionPool::SessionPool(const Module& module, CK_SLOT_ID slot, std::size_t limit,
                         std::chrono::milliseconds wait, Prepare prepare)
    : module_(module), slot_(slot), limit_(limit), wait_(wait), prepare_(std::move(prepare)) {
  idle_.reserve(limit);  // giving back must not fail
}

SessionPool::Lease::~Lease() {
  if (pool_ != nullptr) pool_->GiveBack(std::move(session_));
}

Result<SessionPool::Lease> SessionPool::Borrow() {
  {
    std::unique_lock lock(mutex_);
    if (!returned_.wait_for(lock, wait_, [this] { return lent_ < limit_; })) {
      return Failure{Reason::kHsmUnavailable, {}, "busy: every session with the HSM is in use"};
    }
    ++lent_;
    if (!idle_.empty()) {
      Session session = std::move(idle_.back());
      idle_.pop_back();
      return Lease(*this, std::move(session));
    }
  }
  // Without the lock: opening may block, and those who have a session must be able to return it.
  auto session = Session::Open(module_, slot_, SessionAccess::kReadOnly);
  Status usable = session ? Status(Done{}) : Status(session.error());
  if (usable && prepare_) usable = prepare_(*session);
  if (!usable) {
    module_.NoteSessionError(usable.error().detail);
    Leave();
    return std::move(usable).error();
  }
  return Lease(*this, *std::move(session));
}

void SessionPool::CloseIdle() {
  std::vector<Session> idle;
  idle.reserve(limit_);
  const std::scoped_lock lock(mutex_);
  idle.swap(idle_);
}

void SessionPool::GiveBack(Session session) noexcept {
  if (session.usable()) {
    const std::scoped_lock lock(mutex_);
    // Never beyond limit_: every idle session was lent once, and was not counted twice.
    idle_.push_back(std::move(session));
  } else {
    const Session closed_here = std::move(session);
    // What befell it may have befallen them: a login that is lost, a device that was gone.
    CloseIdle();
  }
  Leave();
}

void SessionPool::Leave() noexcept {
  {
    const std::scoped_lock lock(mutex_);
    --lent_;
  }
  returned_.notify_one();
}

}  // namespace acb::hsm
