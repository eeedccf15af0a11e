#include "hsm/hsm.h"

#include <atomic>
#include <mutex>
#include <utility>

#include "hsm/anchor_objects.h"
#include "hsm/key.h"
#include "hsm/known_answer.h"
#include "hsm/opened.h"
#include "hsm/operations.h"
#include "hsm/session_pool.h"

namespace acb::hsm {
namespace {

struct Keys {
  std::unique_ptr<Key> digital_signing;
  std::unique_ptr<Key> key_agreement;
  std::unique_ptr<Key> checkpoint;
};

Status FindAndTest(Session& session, std::string_view label, KeyPurpose purpose,
                   std::unique_ptr<Key>& place) {
  auto key = Key::Find(session, label, purpose);
  if (!key) return std::move(key).error();
  place = *std::move(key);
  return TestKey(session, *place);
}

Result<Keys> FindKeys(Session& session) {
  Keys keys;
  auto status = FindAndTest(session, kAcbDsLabel, KeyPurpose::kSigning, keys.digital_signing);
  if (status) {
    status = FindAndTest(session, kAcbKaLabel, KeyPurpose::kAgreement, keys.key_agreement);
  }
  if (status) {
    status = FindAndTest(session, kCheckpointLabel, KeyPurpose::kCheckpoint, keys.checkpoint);
  }
  if (!status) return std::move(status).error();
  return keys;
}

// The lock is let go once the login is done, or the module finalised.
Result<Opened> OpenLocked(HsmSettings& settings) {
  auto lock = StartLock::Acquire(settings.lock_file);
  if (!lock) return std::move(lock).error();
  return OpenToken(settings, SessionAccess::kReadOnly);
}

}  // namespace

// Destroyed from the last to the first: the sessions before the login.
struct Hsm::Parts {
  Opened opened;
  std::filesystem::path lock_file;
  std::mutex recovery;
  std::atomic<bool> keys_lost = false;
  SessionPool sessions;
  Keys keys;
  PublicPoint ds_public;
  PublicPoint ka_public;
  HsmCommandSigner command_signer;
  CheckpointSigner checkpoint_signer;
  HsmAnchorObjects anchors;

  Parts(Opened logged_in, Keys its_keys, HsmSettings& settings)
      : opened(std::move(logged_in)),
        lock_file(settings.lock_file),
        sessions(*opened.module, opened.token.slot, settings.sessions, kSessionWait,
                 [this](Session& session) { return Prepare(session); }),
        keys(std::move(its_keys)),
        ds_public(ToPoint(keys.digital_signing->public_key())),
        ka_public(ToPoint(keys.key_agreement->public_key())),
        command_signer(sessions, *keys.digital_signing, *keys.key_agreement),
        checkpoint_signer(sessions, *keys.checkpoint),
        anchors(opened, settings.lock_file, std::move(settings.lister), kAnchorApplication,
                [this](Session& session) { return Prepare(session); }) {}

  // A token that was gone may have forgotten the login; the handles of private keys then went with
  // it. Signing resumes without a restart, with keys that are found and tested as at the start.
  Status Prepare(Session& session) {
    auto logged_in = session.IsLoggedIn();
    if (!logged_in) return std::move(logged_in).error();
    if (*logged_in && !keys_lost) return Done{};
    const std::scoped_lock one_at_a_time(recovery);
    logged_in = session.IsLoggedIn();
    if (!logged_in) return std::move(logged_in).error();
    if (*logged_in && !keys_lost) return Done{};
    keys_lost = true;
    if (auto again = opened.login->Again(lock_file); !again) return again;
    for (const Key* key :
         {keys.digital_signing.get(), keys.key_agreement.get(), keys.checkpoint.get()}) {
      auto found = key->FindAgain(session);
      if (found) found = TestKey(session, *key);
      if (!found) return found;
    }
    keys_lost = false;
    return Done{};
  }
};

Result<std::unique_ptr<Hsm>> Hsm::Open(HsmSettings settings) {
  if (settings.sessions < 1 || settings.sessions > kMaxSessions) {
    return Failure{Reason::kConfiguration, {}, "the number of HSM sessions is not 1 to 64"};
  }
  static_assert(kMaxSessions == 64);
  if (auto status = CheckKeyDerivation(); !status) return std::move(status).error();

  auto opened = OpenLocked(settings);
  if (!opened) return std::move(opened).error();
  auto keys = FindKeys(opened->login->session());
  if (!keys) return std::move(keys).error();
  return std::unique_ptr<Hsm>(
      new Hsm(std::make_unique<Parts>(*std::move(opened), *std::move(keys), settings)));
}

Hsm::Hsm(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Hsm::~Hsm() = default;

HsmCommandSigner& Hsm::command_signer() { return parts_->command_signer; }
CheckpointSigner& Hsm::checkpoint_signer() { return parts_->checkpoint_signer; }
AnchorObjects& Hsm::anchors() { return parts_->anchors; }
const PublicPoint& Hsm::acb_ds_public() const { return parts_->ds_public; }
const PublicPoint& Hsm::acb_ka_public() const { return parts_->ka_public; }
const TokenInfo& Hsm::token() const { return parts_->opened.token.info; }
bool Hsm::acb_keys_generated_in_token() const {
  return parts_->keys.digital_signing->generated_in_token() &&
         parts_->keys.key_agreement->generated_in_token();
}

}  // namespace acb::hsm
