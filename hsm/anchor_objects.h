// The anchors' objects in the token.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/anchor_objects.h"
#include "firmware/base/result.h"
#include "hsm/data_objects.h"
#include "hsm/lister.h"
#include "hsm/opened.h"
#include "hsm/session_pool.h"

namespace acb::hsm {

// Data objects of the token: CKA_APPLICATION "acb-anchor", private, not modifiable, CKA_VALUE the
// octets. Works in a session of its own, opened when it is first needed, kept, and replaced after
// an error. Creating and destroying happen under the StartLock: SoftHSM fails when two change
// objects at once (ecosystem.md section 3, quirk 2), and also when one thread of a process changes
// objects while another lists them: a List waits for a change that is under way, and a change for a
// List. Nobody waits for ListAnew.
//
// SoftHSM numbers the states of a token, and a process that changes an object takes the number
// after the last for its own state: it skips what another did just before, and would not see that
// even later (measured: 30 of 30 such listings miss it). So every change looks first, under the
// lock: what another did before is then seen.
//
// The search of Destroy is through the session alone: what that has not seen it leaves. More than
// 512 objects, or one longer than 512 octets, is a failure of every call. After a failed Create the
// object may be there or not.
//
// List reads every value each time: 5 objects cost less than the flush of a batch, and a handle
// does not prove that it still stands for what it did.
class HsmAnchorObjects final : public AnchorObjects {
 public:
  // How long an object is waited for that another process keeps under the lock.
  static constexpr std::chrono::milliseconds kLockPatience{5000};

  // `opened` outlives it. Without a lister ListAnew fails. Another `application` than that of
  // anchors is for AcceptModule.
  HsmAnchorObjects(Opened& opened, std::filesystem::path lock_file, std::unique_ptr<Lister> lister,
                   std::string_view application = kAnchorApplication,
                   SessionPool::Prepare prepare = {});

  Result<std::vector<Bytes>> List() override;
  Result<std::vector<Bytes>> ListAnew() override;
  Status Create(BytesView octets) override;
  Status Destroy(BytesView octets) override;
  const std::string& token_serial() const override { return opened_.token.info.serial; }

 private:
  // One that works, opened anew when there is none.
  Result<Session*> UseSession();

  Opened& opened_;
  const std::filesystem::path lock_file_;
  const std::unique_ptr<Lister> lister_;
  const std::string application_;
  const SessionPool::Prepare prepare_;  // of each session that is opened; thread-safe
  std::mutex mutex_;                    // held by every call but ListAnew
  std::optional<Session> session_;
};

}  // namespace acb::hsm
