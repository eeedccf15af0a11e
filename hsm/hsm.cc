#include "hsm/hsm.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <tuple>
#include <utility>
#include <vector>

#include "hsm/agreement_check.h"
#include "hsm/anchor_objects.h"
#include "hsm/key.h"
#include "hsm/key_objects.h"
#include "hsm/known_answer.h"
#include "hsm/opened.h"
#include "hsm/operations.h"
#include "hsm/session_pool.h"
#include "hsm/supervised_anchors.h"
#include "hsm/supervisor.h"

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

bool IsSame(const TokenInfo& one, const TokenInfo& other) {
  const auto all = [](const TokenInfo& info) {
    return std::tie(info.label, info.manufacturer, info.model, info.serial, info.hardware_version,
                    info.firmware_version);
  };
  return all(one) == all(other);
}

// The lock is let go once the login is done, or the module finalised.
Result<Opened> OpenLocked(HsmSettings& settings) {
  auto lock = StartLock::Acquire(settings.lock_file);
  if (!lock) return std::move(lock).error();
  return OpenToken(settings, SessionAccess::kReadOnly);
}

Breaker::OnChange WhenChanged(std::function<void(bool, const std::string&)> told) {
  if (!told) return {};
  return [told = std::move(told)](bool open, const std::string& why) { told(!open, why); };
}

}  // namespace

// Probes that fail before the module is initialised anew, and after which it is again.
constexpr unsigned kProbesBeforeAnew = 3;
// Within the deadline of a probe.
constexpr std::chrono::milliseconds kAnewPatience{500};
constexpr std::chrono::milliseconds kCloseDeadline{3000};

// Destroyed from the last to the first: the threads before what they use, the sessions before the
// login.
struct Hsm::Parts {
  Opened opened;
  std::filesystem::path lock_file;
  std::mutex recovery;
  std::atomic<bool> keys_lost = false;
  std::atomic<std::uint64_t> initialised_anew = 0;
  SessionPool sessions;
  Keys keys;
  HsmAnchorObjects anchors;
  Supervisor supervisor;
  struct PairInUse {
    PublicPoint ds_public;
    PublicPoint ka_public;
    AgreementChecker checker;  // of this key's secrets: those of another do not fit into its sums
    HsmCommandSigner command_signer;
    PairInUse(Supervisor& supervisor, SessionPool& sessions, const KeyPair& pair,
              VerifyAgreements verify)
        : ds_public(ToPoint(pair.digital_signing->public_key())),
          ka_public(ToPoint(pair.key_agreement->public_key())),
          checker(*pair.key_agreement, verify),
          command_signer(supervisor, sessions, *pair.digital_signing, *pair.key_agreement,
                         checker) {}
  };
  std::vector<std::unique_ptr<PairInUse>> pairs;
  CheckpointSigner checkpoint_signer;
  SupervisedAnchors supervised_anchors;

  Parts(Opened logged_in, Keys its_keys, HsmSettings& settings)
      : opened(std::move(logged_in)),
        lock_file(settings.lock_file),
        // One for each thread, and for each that hangs: nobody ever waits for one.
        sessions(*opened.module, opened.token.slot, kMaxSessions, kSessionWait,
                 [this](Session& session) { return Prepare(session); }),
        keys(std::move(its_keys)),
        anchors(opened, settings.lock_file, std::move(settings.lister), kAnchorApplication,
                [this](Session& session) { return Prepare(session); }),
        supervisor({settings.sessions, settings.deadline, WhenChanged(settings.on_change)}),
        checkpoint_signer(supervisor, sessions, *keys.checkpoint),
        supervised_anchors(supervisor, anchors) {
    for (const KeyPair& pair : keys.pairs) {
      pairs.push_back(
          std::make_unique<PairInUse>(supervisor, sessions, pair, settings.verify_agreements));
    }
    opened.module->ReportTo(&supervisor.breaker());
    std::vector<Supervisor::Probe> probes{
        [this](unsigned failures) { return ProbeSession(failures); }};
    for (const KeyPair& pair : keys.pairs) {
      probes.emplace_back([this, &pair](unsigned) { return ProbePair(pair); });
    }
    supervisor.Start(std::move(probes), [this](unsigned) { return ProbeAnchors(); });
  }

  ~Parts() {
    // Done already, unless the opening was given up.
    static_cast<void>(supervisor.Close());
    opened.module->ReportTo(nullptr);
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
    if (opened.module->TakeHandlesLost()) keys_lost = true;
    auto logged_in = session.IsLoggedIn();
    if (!logged_in) return std::move(logged_in).error();
    if (*logged_in && !keys_lost) return Done{};
    const std::scoped_lock one_at_a_time(recovery);
    logged_in = session.IsLoggedIn();
    if (!logged_in) return std::move(logged_in).error();
    if (*logged_in && !keys_lost) return Done{};
    keys_lost = true;
    // No other token gets the PIN, nor one of another firmware than was approved (R-SEC3-39).
    const auto token = ReadToken(*opened.module, opened.token.slot);
    if (!token) return token.error();
    if (!IsSame(token->info, opened.token.info)) {
      return Failure{Reason::kHsmUnavailable,
                     {},
                     "another token, or another version of it, is in the slot than at the start: "
                     "restart the service"};
    }
    if (auto again = opened.login->Again(lock_file); !again) return again;
    for (const Key* key : AllKeys()) {
      auto found = key->FindAgain(session);
      if (found) found = TestKey(session, *key);
      if (found) continue;
      // A module may see its token again only when it is initialised anew: a probe does that.
      supervisor.breaker().NoteDeviceError(found.error().detail);
      return found;
    }
    keys_lost = false;
    return Done{};
  }

  // A session that was opened now.
  Status ProbeSession(unsigned failures) {
    sessions.CloseIdle();
    if (supervisor.TakeAnewWanted() || failures % kProbesBeforeAnew == kProbesBeforeAnew - 1) {
      // Refused while another call is under way: it is then tried as it is.
      static_cast<void>(InitialiseAnew());
    }
    const auto lease = sessions.Borrow();
    if (!lease) return lease.error();
    return Done{};
  }

  // Each pair in use at work: in a handover only one is.
  Status ProbePair(const KeyPair& pair) {
    auto lease = sessions.Borrow();
    if (!lease) return std::move(lease).error();
    auto tested = TestKey(lease->session(), *pair.digital_signing);
    return tested ? TestKey(lease->session(), *pair.key_agreement) : tested;
  }

  // The first listing may be in a session that is of no use any more; the second is in another.
  Status ProbeAnchors() {
    auto listed = anchors.List();
    if (!listed) listed = anchors.List();
    if (!listed) return std::move(listed).error();
    return Done{};
  }

  // For a module that needs it to reach its device again. The next session logs in and finds the
  // keys (Prepare).
  Status InitialiseAnew() {
    const auto lock = StartLock::Acquire(lock_file, kAnewPatience);
    if (!lock) return lock.error();
    keys_lost = true;
    if (auto anew = opened.module->InitialiseAnew(); !anew) return anew;
    ++initialised_anew;
    // A module may look for its slots only when it is asked for them. Which token is there:
    // Prepare.
    const auto tokens = ListTokens(*opened.module);
    if (!tokens) return tokens.error();
    return Done{};
  }
};

Result<std::shared_ptr<Hsm::Parts>> Hsm::OpenParts(HsmSettings& settings) {
  auto opened = OpenLocked(settings);
  if (!opened) return std::move(opened).error();
  if (settings.accept) {
    if (Status accepted = settings.accept(opened->token.info); !accepted) {
      return std::move(accepted).error();
    }
  }
  auto keys = FindKeys(opened->login->session(), settings.acb_keys);
  if (!keys) return std::move(keys).error();
  return std::make_shared<Parts>(*std::move(opened), *std::move(keys), settings);
}

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

  // On a thread of its own: a module may hang from its first call on.
  auto shared = std::make_shared<HsmSettings>(std::move(settings));
  Crew opener(1, 0);
  auto parts =
      opener.Ask<std::shared_ptr<Parts>>([shared] { return OpenParts(*shared); }, kOpenDeadline);
  if (!parts) return std::move(parts).error();
  static_cast<void>(opener.Close(kOpenDeadline));
  return std::unique_ptr<Hsm>(new Hsm(*std::move(parts)));
}

Hsm::Hsm(std::shared_ptr<Parts> parts) : parts_(std::move(parts)) {}

Hsm::~Hsm() {
  if (!parts_->supervisor.Close()) {
    // What hangs in the module still uses it all: whichever ends last closes it, or the process.
    Supervisor& supervisor = parts_->supervisor;
    supervisor.LeaveTo(std::move(parts_));
    return;
  }
  // Closing, logging out and finalising may hang as well.
  Crew closer(1, 0);
  static_cast<void>(
      closer.Run([parts = std::move(parts_)]() mutable { parts.reset(); }, kCloseDeadline));
  static_cast<void>(closer.Close(std::chrono::milliseconds(100)));
}

HsmCommandSigner& Hsm::command_signer(std::size_t pair) {
  return parts_->pairs.at(pair)->command_signer;
}
std::size_t Hsm::acb_key_pairs() const { return parts_->pairs.size(); }
CheckpointSigner& Hsm::checkpoint_signer() { return parts_->checkpoint_signer; }
AnchorObjects& Hsm::anchors() { return parts_->supervised_anchors; }
const PublicPoint& Hsm::acb_ds_public(std::size_t pair) const {
  return parts_->pairs.at(pair)->ds_public;
}
const PublicPoint& Hsm::acb_ka_public(std::size_t pair) const {
  return parts_->pairs.at(pair)->ka_public;
}
const TokenInfo& Hsm::token() const { return parts_->opened.token.info; }
const std::vector<KeyObject>& Hsm::key_objects() const { return parts_->keys.objects; }
HsmState Hsm::state() const {
  const Breaker& breaker = parts_->supervisor.breaker();
  const Crew::Counts counts = parts_->supervisor.counts();
  return {.available = !breaker.open(),
          .why = breaker.why(),
          .times_opened = breaker.times_opened(),
          .device_errors = breaker.device_errors(),
          .timeouts = counts.timeouts,
          .hanging = counts.hanging,
          .probes = parts_->supervisor.probes(),
          .initialised_anew = parts_->initialised_anew};
}

bool Hsm::acb_keys_generated_in_token() const {
  return std::ranges::all_of(parts_->keys.pairs, [](const KeyPair& pair) {
    return pair.digital_signing->generated_in_token() && pair.key_agreement->generated_in_token();
  });
}

}  // namespace acb::hsm
