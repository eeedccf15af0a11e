#include "hsm/hsm.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "hsm/anchor_objects.h"
#include "hsm/key.h"
#include "hsm/key_objects.h"
#include "hsm/known_answer.h"
#include "hsm/opened.h"
#include "hsm/operations.h"
#include "hsm/session_pool.h"

namespace acb::hsm {
namespace {

struct KeyPair {
  std::unique_ptr<Key> digital_signing;
  std::unique_ptr<Key> key_agreement;
};

struct Keys {
  std::vector<KeyPair> pairs;
  std::unique_ptr<Key> checkpoint;
  std::vector<KeyObject> objects;
};

Status FindAndTest(Session& session, std::string_view label, KeyPurpose purpose,
                   std::unique_ptr<Key>& place) {
  auto key = Key::Find(session, label, purpose);
  if (!key) return std::move(key).error();
  place = *std::move(key);
  return TestKey(session, *place);
}

Result<Keys> FindKeys(Session& session, const std::vector<AcbKeyLabels>& labels) {
  Keys keys;
  for (const AcbKeyLabels& label : labels) {
    KeyPair pair;
    auto status =
        FindAndTest(session, label.digital_signing, KeyPurpose::kSigning, pair.digital_signing);
    if (status) {
      status =
          FindAndTest(session, label.key_agreement, KeyPurpose::kAgreement, pair.key_agreement);
    }
    if (!status) return std::move(status).error();
    keys.pairs.push_back(std::move(pair));
  }
  auto status = FindAndTest(session, kCheckpointLabel, KeyPurpose::kCheckpoint, keys.checkpoint);
  if (!status) return std::move(status).error();
  auto objects = ReadKeyObjects(session);
  if (!objects) return std::move(objects).error();
  keys.objects = *std::move(objects);
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
  struct PairInUse {
    PublicPoint ds_public;
    PublicPoint ka_public;
    HsmCommandSigner command_signer;
    PairInUse(SessionPool& sessions, const KeyPair& pair)
        : ds_public(ToPoint(pair.digital_signing->public_key())),
          ka_public(ToPoint(pair.key_agreement->public_key())),
          command_signer(sessions, *pair.digital_signing, *pair.key_agreement) {}
  };
  std::vector<std::unique_ptr<PairInUse>> pairs;
  CheckpointSigner checkpoint_signer;
  HsmAnchorObjects anchors;

  Parts(Opened logged_in, Keys its_keys, HsmSettings& settings)
      : opened(std::move(logged_in)),
        lock_file(settings.lock_file),
        sessions(*opened.module, opened.token.slot, settings.sessions, kSessionWait,
                 [this](Session& session) { return Prepare(session); }),
        keys(std::move(its_keys)),
        checkpoint_signer(sessions, *keys.checkpoint),
        anchors(opened, settings.lock_file, std::move(settings.lister), kAnchorApplication,
                [this](Session& session) { return Prepare(session); }) {
    for (const KeyPair& pair : keys.pairs) {
      pairs.push_back(std::make_unique<PairInUse>(sessions, pair));
    }
  }

  std::vector<const Key*> AllKeys() const {
    std::vector<const Key*> all;
    for (const KeyPair& pair : keys.pairs) {
      all.push_back(pair.digital_signing.get());
      all.push_back(pair.key_agreement.get());
    }
    all.push_back(keys.checkpoint.get());
    return all;
  }

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
    for (const Key* key : AllKeys()) {
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
  if (settings.acb_keys.empty()) {
    settings.acb_keys.push_back({std::string(kAcbDsLabel), std::string(kAcbKaLabel)});
  }
  if (settings.acb_keys.size() > kMaxAcbKeyPairs) {
    return Failure{Reason::kConfiguration, {}, "more pairs of ACB keys are in use than 8"};
  }
  static_assert(kMaxAcbKeyPairs == 8);
  if (auto status = CheckKeyDerivation(); !status) return std::move(status).error();

  auto opened = OpenLocked(settings);
  if (!opened) return std::move(opened).error();
  if (settings.accept) {
    if (Status accepted = settings.accept(opened->token.info); !accepted) {
      return std::move(accepted).error();
    }
  }
  auto keys = FindKeys(opened->login->session(), settings.acb_keys);
  if (!keys) return std::move(keys).error();
  return std::unique_ptr<Hsm>(
      new Hsm(std::make_unique<Parts>(*std::move(opened), *std::move(keys), settings)));
}

Hsm::Hsm(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Hsm::~Hsm() = default;

HsmCommandSigner& Hsm::command_signer(std::size_t pair) {
  return parts_->pairs.at(pair)->command_signer;
}
std::size_t Hsm::acb_key_pairs() const { return parts_->pairs.size(); }
CheckpointSigner& Hsm::checkpoint_signer() { return parts_->checkpoint_signer; }
AnchorObjects& Hsm::anchors() { return parts_->anchors; }
const PublicPoint& Hsm::acb_ds_public(std::size_t pair) const {
  return parts_->pairs.at(pair)->ds_public;
}
const PublicPoint& Hsm::acb_ka_public(std::size_t pair) const {
  return parts_->pairs.at(pair)->ka_public;
}
const TokenInfo& Hsm::token() const { return parts_->opened.token.info; }
const std::vector<KeyObject>& Hsm::key_objects() const { return parts_->keys.objects; }
bool Hsm::acb_keys_generated_in_token() const {
  return std::ranges::all_of(parts_->keys.pairs, [](const KeyPair& pair) {
    return pair.digital_signing->generated_in_token() && pair.key_agreement->generated_in_token();
  });
}

}  // namespace acb::hsm
