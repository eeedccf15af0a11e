#include "hsm/anchor_objects.h"

#include <utility>

#include "hsm/login.h"

namespace acb::hsm {

HsmAnchorObjects::HsmAnchorObjects(Opened& opened, std::filesystem::path lock_file,
                                   std::unique_ptr<Lister> lister, std::string_view application,
                                   SessionPool::Prepare prepare)
    : opened_(opened),
      lock_file_(std::move(lock_file)),
      lister_(std::move(lister)),
      application_(application),
      prepare_(std::move(prepare)) {}

Result<Session*> HsmAnchorObjects::UseSession() {
  if (session_ && session_->usable()) return &*session_;
  session_.reset();
  auto session = Session::Open(*opened_.module, opened_.token.slot, SessionAccess::kReadWrite);
  if (!session) return std::move(session).error();
  if (prepare_) {
    if (auto prepared = prepare_(*session); !prepared) return std::move(prepared).error();
  }
  session_.emplace(*std::move(session));
  return &*session_;
}

Result<std::vector<Bytes>> HsmAnchorObjects::List() {
  const std::lock_guard guard(mutex_);
  auto session = UseSession();
  if (!session) return std::move(session).error();
  auto objects = ReadDataObjects(**session, application_);
  if (!objects) return std::move(objects).error();
  std::vector<Bytes> octets;
  for (DataObject& object : *objects) octets.push_back(std::move(object.octets));
  return octets;
}

Result<std::vector<Bytes>> HsmAnchorObjects::ListAnew() {
  if (!lister_) {
    return Failure{Reason::kHsmUnavailable, {}, "no lister was started for the HSM's objects"};
  }
  auto objects = lister_->List(application_);
  if (objects) return objects;
  // Whatever it is: the callers' answer is to sign nothing more.
  return Failure{Reason::kHsmUnavailable, {}, std::move(objects).error().detail};
}

Status HsmAnchorObjects::Create(BytesView octets) {
  const std::lock_guard guard(mutex_);
  // Before the StartLock, which a login that has to be made again takes itself.
  auto session = UseSession();
  if (!session) return std::move(session).error();
  auto lock = StartLock::Acquire(lock_file_, kLockPatience);
  if (!lock) return Failure{Reason::kHsmUnavailable, {}, std::move(lock).error().detail};
  auto before = ReadDataObjects(**session, application_);
  if (!before) return std::move(before).error();
  return CreateDataObject(**session, application_, octets);
}

Status HsmAnchorObjects::Destroy(BytesView octets) {
  const std::lock_guard guard(mutex_);
  // Before the StartLock, which a login that has to be made again takes itself.
  auto session = UseSession();
  if (!session) return std::move(session).error();
  auto lock = StartLock::Acquire(lock_file_, kLockPatience);
  if (!lock) return Failure{Reason::kHsmUnavailable, {}, std::move(lock).error().detail};
  return DestroyDataObjects(**session, application_, octets);
}

}  // namespace acb::hsm
