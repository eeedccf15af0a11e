#include "platform/box.h"

#include <sys/stat.h>
#include <unistd.h>

#include "firmware/checks/feed_age.h"
#include "firmware/checks/suspension.h"
#include "firmware/rules.h"
#include "firmware/smki/authority.h"
#include "firmware/smki/deny_list.h"
#include "firmware/smki/device_path.h"
#include "platform/export_trust.h"
#include "platform/trust_settings.h"
#include "store/trial.h"

namespace acb::platform {
namespace {

constexpr std::size_t kHsmSessions = 16;

std::string_view NameOf(smki::Environment environment) {
  return environment == smki::Environment::kLive ? "live" : "test";
}

store::Environment StoreEnvironmentOf(smki::Environment environment) {
  return environment == smki::Environment::kLive ? store::Environment::kLive
                                                 : store::Environment::kTest;
}

// What is relaxed, by the names of the settings: in the start record, so that no reviewer has to
// guess.
audit::List Relaxations(const Config& config) {
  audit::List names;
  if (config.test.validation_time) names.emplace_back("validation_time");
  if (!config.test.trust_anchors.empty()) names.emplace_back("trust_anchors");
  if (!config.test.issuers_without_crl.empty()) names.emplace_back("issuers_without_crl");
  if (!config.test.pinned_signers.empty()) names.emplace_back("pinned_signers");
  return names;
}

audit::List LaterPairs(const std::vector<AcbPairDigests>& pairs) {
  audit::List list;
  for (std::size_t i = 1; i < pairs.size(); ++i) {
    list.emplace_back(audit::Object{{"ds", ToHex(pairs[i].digital_signing)},
                                    {"ka", ToHex(pairs[i].key_agreement)}});
  }
  return list;
}

audit::Object KeyLimitsOf(const keys::Limits& limits) {
  return {{"max_age_days", std::to_string(limits.max_age.count())},
          {"max_operations", std::to_string(limits.max_operations)},
          {"warn_percent", std::to_string(limits.warn_percent)}};
}

// R-SEC3-65: which rules applied, for whoever reads a decision of this run later.
audit::Object PolicyOf(const Config& config) {
  const checks::Policy& policy = config.policy;
  audit::Object ages;
  for (const auto& [feed, limit] : policy.feed_max_age) {
    ages.emplace(std::string(Name(feed)),
                 std::to_string(std::chrono::duration_cast<std::chrono::hours>(limit).count()));
  }
  const VolumeLimits& volume = config.volume;
  return {{"network_operator_registration", policy.network_operator_registration},
          {"refuse_absent_floor", policy.refuse_absent_floor},
          {"repository_required", policy.repository_required},
          {"certified_products_required", policy.products_required},
          {"crl_max_age_hours", config.crl_max_age ? std::to_string(config.crl_max_age->count())
                                                   : std::string("default")},
          {"arl_max_age_hours", std::to_string(config.arl_max_age.count())},
          {"policy_oid", config.policy_oid},
          {"requested_floor_limit", std::to_string(policy.requested_floor_limit)},
          {"counter_jump", std::to_string(config.counter_jump)},
          {"feed_max_age_hours", std::move(ages)},
          {"keys", KeyLimitsOf(config.key_limits)},
          {"volume", audit::Object{{"user_hour", std::to_string(volume.user_hour)},
                                   {"user_day", std::to_string(volume.user_day)},
                                   {"total_hour", std::to_string(volume.total_hour)},
                                   {"total_day", std::to_string(volume.total_day)}}}};
}

std::function<void(bool, const std::string&)> LogHsmChanges(const Log& log) {
  return [&log](bool available, const std::string& why) {
    if (available) return log.Notice("hsm-available");
    log.Failed(LogLevel::kError, "hsm-unavailable", {Reason::kHsmUnavailable, {}, why});
  };
}

// For whoever looks at readiness: what keeps the box from asking its HSM.
Failure HsmUnavailable(const hsm::HsmState& state) {
  std::string text = "the HSM is not asked until it answers again: " + state.why;
  if (state.hanging > 0) text += " (" + std::to_string(state.hanging) + " calls hang)";
  return {Reason::kHsmUnavailable, std::move(text)};
}

// A copy of the store may have left out what is empty. Whoever cannot write there says so.
void MakeScratch(const std::filesystem::path& store) {
  const auto scratch = store / "tmp";
  const bool is_store = ::access((store / "data.mdb").c_str(), F_OK) == 0;
  if (is_store && ::access(scratch.c_str(), F_OK) != 0) ::mkdir(scratch.c_str(), 0700);
}

}  // namespace

Result<std::unique_ptr<Box>> Box::Open(const Config& config, const Clock& clock, const Log& log,
                                       Sandbox* sandbox) {
  std::unique_ptr<Box> box(new Box(config, clock, log));
  MakeScratch(config.store_directory);
  box->environment_ = NameOf(config.environment);
  // Before the sandbox, which leaves none of these files to read.
  box->firmware_ = MeasureAtStart({config.firmware_manifest, config.firmware_key});
  auto settings_of_hsm = box->StartLister(sandbox);
  if (!settings_of_hsm) return std::move(settings_of_hsm).error();
  box->lister_ = settings_of_hsm->lister->process();
  if (sandbox != nullptr) {
    if (Status limited = sandbox->RestrictFiles(); !limited) return std::move(limited).error();
  }
  if (Status store = box->OpenStore(); !store) return std::move(store).error();
  if (Status trust = box->OpenTrust(); !trust) return std::move(trust).error();
  if (Status hsm = box->OpenHsm(*std::move(settings_of_hsm)); !hsm) return std::move(hsm).error();
  if (Status start = box->StartStore(); !start) return std::move(start).error();
  box->StartCheckpoints();
  box->record_check_ =
      std::make_unique<RecordCheck>(*box->store_, clock, log, box->store_->after_unclean_stop());
  box->key_watch_ =
      std::make_unique<KeyWatch>(*box->store_, clock, log, config.key_limits, box->pairs_);

  HandoverSettings settings{.parse = {},
                            .validation_time = config.test.validation_time,
                            .policy = config.policy,
                            .acb = box->pairs_.front().certificates,
                            .answers = config.answers,
                            .channels = config.handover_channels,
                            .in_use_since = box->pairs_.front().in_use_since,
                            .key_limits = config.key_limits,
                            .module_exception_until = box->module_exception_until_,
                            .software = box->firmware_.failure};
  settings.parse.octets = config.request_octets;
  for (std::size_t i = 1; i < box->pairs_.size(); ++i) {
    settings.later.push_back(
        {box->pairs_[i].certificates, &box->hsm_->command_signer(i), box->pairs_[i].in_use_since});
  }
  box->handover_ = std::make_unique<Handover>(HandoverPorts{.clock = clock,
                                                            .trust = *box->trust_,
                                                            .records = *box->store_,
                                                            .counters = *box->store_,
                                                            .log = *box->store_,
                                                            .signer = box->hsm_->command_signer()},
                                              std::move(settings));
  ObserverSettings watch{
      .policy = config.policy, .acb = box->pairs_.front().certificates, .parse = {}};
  for (std::size_t i = 1; i < box->pairs_.size(); ++i) {
    watch.later.push_back(box->pairs_[i].certificates);
  }
  watch.parse.octets = config.request_octets;
  box->observer_ = std::make_unique<Observer>(ObserverPorts{.clock = clock,
                                                            .trust = *box->trust_,
                                                            .records = *box->store_,
                                                            .observations = *box->store_,
                                                            .log = *box->store_},
                                              std::move(watch));
  for (const Failure& failure : box->Attention()) {
    log.Failed(LogLevel::kWarning, "attention", failure);
  }
  return box;
}

Status Box::OpenStore() {
  if (Status read = store::TryReading(config_.store_directory, config_.store_map_size); !read) {
    return read;
  }
  // P8: the store knows its environment, whatever the configuration says now.
  auto store = store::Store::Open({.directory = config_.store_directory,
                                   .map_size = config_.store_map_size,
                                   .environment = StoreEnvironmentOf(config_.environment),
                                   .counter_jump = config_.counter_jump,
                                   .volume = config_.volume,
                                   .key_operations = config_.key_limits.Operations(),
                                   .anchor_every = config_.anchor_every,
                                   .reserve = config_.store_reserve});
  if (!store) return std::move(store).error();
  store_ = *std::move(store);
  return Done{};
}

Status Box::OpenTrust() {
  auto settings = TrustSettingsOf(config_);
  if (!settings) return std::move(settings).error();
  trust_ = std::make_unique<LiveTrust>(*store_, *std::move(settings));
  if (Status reloaded = trust_->Reload(); !reloaded) return reloaded;
  return LoadDeviceRoots();
}

Status Box::LoadDeviceRoots() {
  for (const auto& file : config_.device_roots) {
    auto root = LoadCertificate(file);
    if (!root) return std::move(root).error();
    if (!smki::IsDeviceAuthority(**root) || !smki::IsSignedByItself(**root)) {
      return Failure(Reason::kConfiguration,
                     "trust.device_roots: " + file.string() + " is not a self-signed CA");
    }
    // R-SEC3-13: device PKI and organisation PKI are kept apart.
    for (const smki::CertificatePtr& organisation : trust_->Current()->settings().roots) {
      if (organisation->sha256() == (*root)->sha256()) {
        return Failure(Reason::kConfiguration, "trust.device_roots: " + file.string() +
                                                   " is also a root of the organisation PKI");
      }
    }
    device_roots_.push_back(*std::move(root));
  }
  return Done{};
}

// Before the store: the lister must have none of its files, and no thread runs yet.
Result<hsm::HsmSettings> Box::StartLister(const Sandbox* sandbox) const {
  auto pin = ReadPin(config_);
  if (!pin) return Failure(Reason::kHsmPin, std::move(pin).error().explanation);
  hsm::HsmSettings settings{.module_path = config_.hsm_module,
                            .token_label = config_.hsm_token_label,
                            .pin = *std::move(pin),
                            .lock_file = config_.hsm_lock_file,
                            .sessions = kHsmSessions,
                            .deadline = config_.hsm_deadline,
                            .verify_agreements = config_.hsm_verify_agreements,
                            .on_change = LogHsmChanges(log_)};
  if (sandbox != nullptr) settings.confine_lister = [sandbox] { return sandbox->ConfineLister(); };
  auto lister = hsm::Lister::Start(settings);
  if (!lister) return std::move(lister).error();
  settings.lister = *std::move(lister);
  return settings;
}

Status Box::OpenHsm(hsm::HsmSettings settings) {
  auto keys = ReadKeys(*store_);
  if (!keys) return std::move(keys).error();
  keys_ = *std::move(keys);
  const auto provisioned_at = ProvisionedAt(*store_);
  if (!provisioned_at) return provisioned_at.error();
  auto pairs = PairsInUse(config_, keys_, *provisioned_at);
  if (pairs) {
    for (const AcbPair& pair : *pairs) settings.acb_keys.push_back(pair.labels);
  }
  // R-SEC3-39: said first, whatever else is wrong.
  if (config_.environment == smki::Environment::kLive) {
    // Asked again when the HSM comes back: an exception may have ended meanwhile.
    settings.accept = [modules = config_.approved_modules,
                       &clock = clock_](const hsm::TokenInfo& token) -> Status {
      auto approved = ApprovalOf(modules, token, clock.Now());
      if (!approved) return std::move(approved).error();
      return Done{};
    };
  }
  auto hsm = hsm::Hsm::Open(std::move(settings));
  if (!hsm) return std::move(hsm).error();
  if (!pairs) return std::move(pairs).error();
  pairs_ = *std::move(pairs);
  hsm_ = *std::move(hsm);
  if (config_.environment == smki::Environment::kLive) {
    const auto approved = ApprovalOf(config_.approved_modules, hsm_->token(), clock_.Now());
    if (!approved) return approved.error();
    module_exception_until_ = approved->exception_until;
  }
  if (Status fit = CheckKeysFitEnvironment(); !fit) return fit;
  // A certificate for another key would make every command one that devices refuse.
  for (std::size_t i = 0; i < pairs_.size(); ++i) {
    const checks::AcbCertificates& acb = pairs_[i].certificates;
    if (acb.digital_signing->public_point() != hsm_->acb_ds_public(i) ||
        acb.key_agreement->public_point() != hsm_->acb_ka_public(i)) {
      return Failure(Reason::kAcbCert, "the certificate of " + pairs_[i].labels.digital_signing +
                                           " or " + pairs_[i].labels.key_agreement +
                                           " is not of the key in the HSM");
    }
  }
  return Done{};
}

// P8: in live no key that was ever outside a token, and none that is published (R-SEC3-33,
// R-SEC3-42).
Status Box::CheckKeysFitEnvironment() const {
  if (config_.environment == smki::Environment::kTest) return Done{};
  for (std::size_t i = 0; i < pairs_.size(); ++i) {
    for (const PublicPoint& key : {hsm_->acb_ds_public(i), hsm_->acb_ka_public(i)}) {
      if (smki::IsPublishedTestKey(key)) {
        return Failure(Reason::kTestKey, "a key in the HSM is a published test key");
      }
    }
  }
  if (hsm_->acb_keys_generated_in_token()) return Done{};
  return Failure(Reason::kHsmNotApproved, "an ACB key in the HSM was not generated in it");
}

Status Box::StartStore() {
  const UtcTime now = clock_.Now();
  const hsm::TokenInfo& token = hsm_->token();
  // What certificates are judged by, for whoever verifies a decision of this run later.
  std::vector<AcbPairDigests> digests;
  for (const AcbPair& pair : pairs_) {
    digests.push_back(
        {pair.certificates.digital_signing->sha256(), pair.certificates.key_agreement->sha256()});
  }
  const auto newest = store_->NewestRelease();
  if (!newest) return newest.error();
  firmware_.CompareWithNewest(*newest);
  const std::string trust = TrustSettingsJson(trust_->Current()->settings(), digests);
  audit::Entry start("start", now);
  start.Set("store", ToHex(store_->identity().id))
      .Set("relaxations", Relaxations(config_))
      .Set("trust_sha256", ToHex(Sha256(AsBytes(trust))))
      .Set("policy", PolicyOf(config_))
      .Set("rules", kRuleSetVersion)
      .Set("rules_sha256", RuleListing().at("sha256"))
      .Set("response_codes_sha256", ToHex(Sha256(AsBytes(config_.answers.Csv()))))
      .Set("acb", pairs_.front().certificates.eui64.Hyphenated())
      .Set("acb_ds_certificate_sha256", ToHex(digests.front().digital_signing))
      .Set("acb_ka_certificate_sha256", ToHex(digests.front().key_agreement))
      .Set("hsm", HsmOf(token))
      .Set("software", firmware_.record);
  if (pairs_.size() > 1) start.Set("acb_later", LaterPairs(digests));
  if (Status started = store_->Start(hsm_->anchors(), {start}); !started) return started;
  if (Status kept = KeepTrustSettings(trust); !kept) return kept;
  if (Status kept = KeepRelease(); !kept) return kept;
  if (Status compared = CompareInventory(); !compared) return compared;
  if (config_.policy.network_operator_registration) return Done{};
  // SECMP0063's check is what the box is for: that it is off is a record of its own.
  audit::Entry off("configuration", now);
  off.Set("setting", "checks.network_operator_registration").Set("value", false);
  auto receipt = store_->Append(off);
  if (!receipt) return std::move(receipt).error();
  return Done{};
}

// R-SEC3-39: certificate number, firmware and level in the start record.
audit::Object Box::HsmOf(const hsm::TokenInfo& token) const {
  audit::Object members{{"label", token.label},
                        {"manufacturer", token.manufacturer},
                        {"model", token.model},
                        {"serial", token.serial},
                        {"firmware", token.firmware_version}};
  if (config_.environment == smki::Environment::kTest) return members;
  const auto approved = ApprovalOf(config_.approved_modules, token, clock_.Now());
  if (!approved) return members;
  members.emplace("certificate", approved->certificate);
  members.emplace("standard", "FIPS " + approved->standard);
  members.emplace("level", std::to_string(approved->level));
  if (approved->exception_until) {
    members.emplace("exception_owner", approved->exception_owner);
    members.emplace("exception_until", approved->exception_until->Iso());
  }
  return members;
}

// R-SEC3-55: from now on no older release signs with this store. One that is not in order is none.
Status Box::KeepRelease() {
  if (!firmware_.checked) {
    log_.Notice("software-not-measured", {{"meaning", "environment test without [firmware]"}});
  }
  if (firmware_.failure || !firmware_.release) return Done{};
  log_.Notice("software", {{"release", *firmware_.release}});
  return store_->KeepRelease(*firmware_.release);
}

// R-SEC3-40: the inventory equals the token's listing. What does not fit is said and recorded, and
// never destroyed here: that takes a ceremony.
Status Box::CompareInventory() {
  const auto differences = CompareWithToken(keys_, hsm_->key_objects());
  if (differences.empty()) return Done{};
  audit::List list;
  for (const std::string& one : differences) {
    log_.Warning("key-inventory", {{"difference", one}});
    list.emplace_back(one);
  }
  audit::Entry alarm("alarm", clock_.Now());
  alarm.Set("what", "the keys in the HSM are not those on record").Set("keys", std::move(list));
  auto receipt = store_->Append(alarm);
  if (!receipt) return std::move(receipt).error();
  return Done{};
}

// Before anything is decided. After a crash here the next start does it for itself.
Status Box::KeepTrustSettings(const std::string& settings) {
  const auto anchored = store_->anchored();
  if (!anchored) return Failure(Reason::kStoreUnavailable, {}, "the start is not anchored");
  std::vector<Bytes> named;
  for (const smki::CertificatePtr& root : trust_->Current()->settings().roots) {
    named.push_back(ToBytes(root->der()));
  }
  for (const AcbPair& pair : pairs_) {
    named.push_back(ToBytes(pair.certificates.digital_signing->der()));
    named.push_back(ToBytes(pair.certificates.key_agreement->der()));
  }
  // The tree of the first anchor of a run ends with its `start` entry.
  return store_->KeepTrustSettings(anchored->tree_size - 1, settings, named);
}

// The name of the log and of its key: design.md section 7, C2SP tlog-checkpoint "origin".
void Box::StartCheckpoints() {
  hsm::CheckpointSigner& signer = hsm_->checkpoint_signer();
  const hsm::PublicKey& key = signer.public_key();
  CheckpointSettings settings;
  settings.key.name = "acb-handover-signing/" + ToHex(store_->identity().id);
  switch (key.algorithm) {
    case hsm::KeyAlgorithm::kEd25519:
      settings.key.type = audit::NoteKey::Type::kEd25519;
      settings.key.octets = key.octets;
      break;
    case hsm::KeyAlgorithm::kP256:
      settings.key.type = audit::NoteKey::Type::kP256;
      settings.key.octets = hsm::ToSpki(key);
      break;
  }
  settings.sign = [&signer](BytesView text) { return signer.Sign(text); };
  settings.file = config_.checkpoint_file;
  for (const WitnessSetting& witness : config_.witnesses) {
    settings.witnesses.push_back({witness.key, CallOverHttps(witness)});
  }
  log_.Notice("audit-log",
              {{"origin", settings.key.name}, {"vkey", audit::FormatKey(settings.key)}});
  checkpoints_ = std::make_unique<CheckpointKeeper>(*store_, log_, std::move(settings));
}

Status Box::Stop() {
  checkpoints_->Stop();
  if (Status stopped = store_->Stop(audit::Entry("stop", clock_.Now())); !stopped) return stopped;
  if (Status last = checkpoints_->SignStopped(); !last) {
    log_.Failed(LogLevel::kError, "checkpoint-failed", last.error());
  }
  return Done{};
}

void Box::NoteFailure(const Failure& failure) const {
  if (failure.reason != Reason::kRecordDamaged) return;
  log_.Failed(LogLevel::kError, "record-damaged", failure);
}

std::vector<Failure> Box::Attention() const {
  std::vector<Failure> found;
  if (firmware_.failure) found.push_back(*firmware_.failure);
  if (Status store = store_->attention(); !store) found.push_back(std::move(store).error());
  if (const hsm::HsmState hsm = hsm_->state(); !hsm.available) {
    found.push_back(HsmUnavailable(hsm));
  }
  if (checkpoints_) {
    for (Failure& failure : checkpoints_->Attention()) found.push_back(std::move(failure));
  }
  // What would answer the next request with 503: said before one asks.
  if (auto records = store_->Open()) {
    if (Status on = checks::CheckSigningNotSuspended(**records); !on) found.push_back(on.error());
    Status fresh = checks::CheckFeeds(**records, config_.policy, clock_.Now());
    if (!fresh) found.push_back(fresh.error());
    for (const AcbPair& pair : pairs_) {
      Status ours = checks::CheckAcbOnRecord(**records, pair.certificates);
      if (!ours) found.push_back(std::move(ours).error());
    }
  }
  for (Failure& reached : key_watch_->Attention()) found.push_back(std::move(reached));
  Status excepted = CheckModuleException(module_exception_until_, clock_.Now());
  if (!excepted) found.push_back(std::move(excepted).error());
  for (const AcbPair& pair : pairs_) {
    Status ours = checks::CheckAcbCertificates(*trust_->Current(), pair.certificates, JudgedAt());
    if (!ours) found.push_back(std::move(ours).error());
  }
  return found;
}

Status Box::RecordAccess(const std::vector<KnownClient>& clients, UtcTime at) {
  // Without names, which would not fit into one entry where there are many: the operators among
  // them are named by what they do.
  std::string text;
  std::map<std::string, std::uint64_t> count;
  for (const KnownClient& client : clients) {
    ++count[std::string(Name(client.role))];
    text.append(client.identity).append(" ").append(Name(client.role)).append("\n");
  }
  std::vector<std::string> operators;
  std::vector<std::string> narrowed;
  for (const KnownClient& client : clients) {
    if (client.role != Role::kOperator) continue;
    // From whom an endpoint was taken away says it again if it is still allowed.
    (client.endpoints.empty() ? operators : narrowed).push_back(client.identity);
  }
  audit::Object roles;
  for (const auto& [role, number] : count) roles.emplace(role, std::to_string(number));
  audit::Entry entry("configuration", at);
  entry.Set("setting", "client")
      .Set("clients", std::move(roles))
      .Set("clients_sha256", ToHex(Sha256(AsBytes(text))));
  auto receipt = store_->AppendAccess(std::move(entry), operators, narrowed);
  if (!receipt) return std::move(receipt).error();
  return Done{};
}

Box::Condition Box::condition() const {
  if (auto ended = store_->ended()) return {State::kFailed, std::move(ended)};
  if (auto stopped = store_->stopped_reserving()) return {State::kFailed, std::move(stopped)};
  const auto records = store_->Open();
  if (!records) return {State::kFailed, records.error()};
  Status on = checks::CheckSigningNotSuspended(**records);
  if (on) return {State::kOperational, std::nullopt};
  const State state =
      on.error().reason == Reason::kSigningSuspended ? State::kSuspended : State::kFailed;
  return {state, std::move(on).error()};
}

audit::List Box::AcbCertificatesJson() const {
  audit::List list;
  for (const AcbPair& pair : pairs_) {
    for (const auto& [label, certificate] :
         {std::pair(&pair.labels.digital_signing, &pair.certificates.digital_signing),
          std::pair(&pair.labels.key_agreement, &pair.certificates.key_agreement)}) {
      list.emplace_back(audit::Object{{"key", *label},
                                      {"serial", (*certificate)->SerialDecimal()},
                                      {"issuer", (*certificate)->issuer().Text()},
                                      {"sha256", ToHex((*certificate)->sha256())}});
    }
  }
  return list;
}

std::vector<std::pair<std::string, UtcTime>> Box::CertificateEnds() const {
  std::vector<std::pair<std::string, UtcTime>> ends;
  for (const AcbPair& pair : pairs_) {
    ends.emplace_back(pair.labels.digital_signing, pair.certificates.digital_signing->not_after());
    ends.emplace_back(pair.labels.key_agreement, pair.certificates.key_agreement->not_after());
  }
  if (module_exception_until_) ends.emplace_back("hsm-exception", *module_exception_until_);
  return ends;
}

bool Box::Ready() const { return !store_->ended() && !store_->stopped_reserving(); }

}  // namespace acb::platform
