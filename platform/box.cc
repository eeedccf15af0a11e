#include "platform/box.h"

#include <fstream>
#include <iterator>

#include "firmware/checks/feed_age.h"
#include "firmware/checks/suspension.h"
#include "firmware/rules.h"
#include "firmware/smki/authority.h"
#include "firmware/smki/bundle.h"
#include "firmware/smki/deny_list.h"
#include "firmware/smki/device_path.h"
#include "platform/export_trust.h"

namespace acb::platform {
namespace {

constexpr std::uintmax_t kMaxCertificateFile = 64 * 1024;
constexpr std::size_t kHsmSessions = 16;

Result<Bytes> ReadSmallFile(const std::filesystem::path& file) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(file, error);
  std::ifstream in(file, std::ios::binary);
  if (error || !in || size > kMaxCertificateFile) {
    return Failure(Reason::kConfiguration, "cannot read " + file.string(), error.message());
  }
  return Bytes(std::istreambuf_iterator<char>(in), {});
}

// Exactly one certificate, PEM or DER.
Result<smki::CertificatePtr> LoadCertificate(const std::filesystem::path& file) {
  const auto octets = ReadSmallFile(file);
  if (!octets) return octets.error();
  const auto found = smki::SplitCertificates(*octets);
  if (!found)
    return Failure(Reason::kConfiguration, file.string() + ": " + found.error().explanation);
  if (found->size() != 1) {
    return Failure(Reason::kConfiguration,
                   file.string() + " does not hold exactly one certificate");
  }
  auto certificate = smki::Certificate::Parse(found->front());
  if (!certificate) {
    return Failure(Reason::kConfiguration, file.string() + ": " + certificate.error().explanation);
  }
  return certificate;
}

Result<smki::NamedAnchor> AnchorOf(const TrustAnchorSetting& setting) {
  const auto name = smki::Name::FromText(setting.name);
  if (!name || setting.public_key.size() != std::tuple_size_v<PublicPoint>) {
    return Failure(Reason::kConfiguration,
                   "test.trust_anchors: '" + setting.name + "' is not a name and a P-256 point");
  }
  smki::NamedAnchor anchor{.name = *name, .key = {}, .key_identifier = {}};
  std::ranges::copy(setting.public_key, anchor.key.begin());
  return anchor;
}

Result<smki::TrustSettings> TrustSettingsOf(const Config& config) {
  smki::TrustSettings settings;
  settings.environment = config.environment;
  settings.policy_oid = config.policy_oid;
  // platform/config.h: where validity is judged at a fixed instant, nextUpdate alone decides.
  const bool fixed = config.test.validation_time.has_value();
  if (config.crl_max_age) {
    settings.crl_max_age_seconds = std::chrono::seconds(*config.crl_max_age).count();
  } else if (fixed) {
    settings.crl_max_age_seconds = settings.arl_max_age_seconds;
  }
  settings.arl_max_age_seconds = std::chrono::seconds(config.arl_max_age).count();
  for (const auto& file : config.trust_roots) {
    auto root = LoadCertificate(file);
    if (!root) return std::move(root).error();
    settings.roots.push_back(*std::move(root));
  }
  for (const TrustAnchorSetting& setting : config.test.trust_anchors) {
    auto anchor = AnchorOf(setting);
    if (!anchor) return std::move(anchor).error();
    settings.named_anchors.push_back(*std::move(anchor));
  }
  for (const std::string& text : config.test.issuers_without_crl) {
    const auto name = smki::Name::FromText(text);
    if (!name) {
      return Failure(Reason::kConfiguration,
                     "test.issuers_without_crl: '" + text + "' is not a name");
    }
    settings.issuers_without_crl.push_back(*name);
  }
  settings.pinned_signers.insert(config.test.pinned_signers.begin(),
                                 config.test.pinned_signers.end());
  return settings;
}

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

}  // namespace

Result<std::unique_ptr<Box>> Box::Open(const Config& config, const Clock& clock, const Log& log) {
  std::unique_ptr<Box> box(new Box(config, clock, log));
  box->environment_ = NameOf(config.environment);
  auto settings_of_hsm = box->StartLister();
  if (!settings_of_hsm) return std::move(settings_of_hsm).error();
  if (Status store = box->OpenStore(); !store) return std::move(store).error();
  if (Status trust = box->OpenTrust(); !trust) return std::move(trust).error();
  if (Status hsm = box->OpenHsm(*std::move(settings_of_hsm)); !hsm) return std::move(hsm).error();
  if (Status start = box->StartStore(); !start) return std::move(start).error();
  box->StartCheckpoints();

  HandoverSettings settings{.parse = {},
                            .validation_time = config.test.validation_time,
                            .policy = config.policy,
                            .acb = *box->acb_,
                            .answers = config.answers,
                            .channels = config.handover_channels};
  settings.parse.octets = config.request_octets;
  box->handover_ = std::make_unique<Handover>(HandoverPorts{.clock = clock,
                                                            .trust = *box->trust_,
                                                            .records = *box->store_,
                                                            .counters = *box->store_,
                                                            .log = *box->store_,
                                                            .signer = box->hsm_->command_signer()},
                                              std::move(settings));
  ObserverSettings watch{.policy = config.policy, .acb = *box->acb_, .parse = {}};
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
  // P8: the store knows its environment, whatever the configuration says now.
  auto store = store::Store::Open({.directory = config_.store_directory,
                                   .map_size = config_.store_map_size,
                                   .environment = StoreEnvironmentOf(config_.environment),
                                   .counter_jump = config_.counter_jump,
                                   .volume = config_.volume,
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
Result<hsm::HsmSettings> Box::StartLister() const {
  auto pin = ReadPin(config_);
  if (!pin) return std::move(pin).error();
  hsm::HsmSettings settings{.module_path = config_.hsm_module,
                            .token_label = config_.hsm_token_label,
                            .pin = *std::move(pin),
                            .lock_file = config_.hsm_lock_file,
                            .sessions = kHsmSessions,
                            .deadline = config_.hsm_deadline,
                            .verify_agreements = config_.hsm_verify_agreements,
                            .on_change = LogHsmChanges(log_)};
  auto lister = hsm::Lister::Start(settings);
  if (!lister) return std::move(lister).error();
  settings.lister = *std::move(lister);
  return settings;
}

Status Box::OpenHsm(hsm::HsmSettings settings) {
  auto acb = LoadAcbCertificates();
  if (!acb) return std::move(acb).error();
  acb_ = *std::move(acb);
  auto hsm = hsm::Hsm::Open(std::move(settings));
  if (!hsm) return std::move(hsm).error();
  hsm_ = *std::move(hsm);
  if (Status fit = CheckKeysFitEnvironment(); !fit) return fit;
  // A certificate for another key would make every command one that devices refuse.
  if (acb_->digital_signing->public_point() != hsm_->acb_ds_public() ||
      acb_->key_agreement->public_point() != hsm_->acb_ka_public()) {
    return Failure(Reason::kAcbCert,
                   "an ACB certificate in the configuration is not of the key in the HSM");
  }
  return Done{};
}

// P8: in live no key that was ever outside a token, and none that is published (R-SEC3-33,
// R-SEC3-42).
Status Box::CheckKeysFitEnvironment() const {
  if (config_.environment == smki::Environment::kTest) return Done{};
  for (const PublicPoint& key : {hsm_->acb_ds_public(), hsm_->acb_ka_public()}) {
    if (smki::IsPublishedTestKey(key)) {
      return Failure(Reason::kTestKey, "a key in the HSM is a published test key");
    }
  }
  if (hsm_->acb_keys_generated_in_token()) return Done{};
  return Failure(Reason::kHsmNotApproved, "an ACB key in the HSM was not generated in it");
}

Result<checks::AcbCertificates> Box::LoadAcbCertificates() const {
  auto digital_signing = LoadCertificate(config_.acb_digital_signing_certificate);
  if (!digital_signing) return std::move(digital_signing).error();
  auto key_agreement = LoadCertificate(config_.acb_key_agreement_certificate);
  if (!key_agreement) return std::move(key_agreement).error();
  return checks::AcbCertificates::From(*std::move(digital_signing), *std::move(key_agreement));
}

Status Box::StartStore() {
  const UtcTime now = clock_.Now();
  const hsm::TokenInfo& token = hsm_->token();
  // What certificates are judged by, for whoever verifies a decision of this run later.
  const std::string trust =
      TrustSettingsJson(trust_->Current()->settings(), acb_->digital_signing->sha256(),
                        acb_->key_agreement->sha256());
  audit::Entry start("start", now);
  start.Set("store", ToHex(store_->identity().id))
      .Set("relaxations", Relaxations(config_))
      .Set("trust_sha256", ToHex(Sha256(AsBytes(trust))))
      .Set("policy", PolicyOf(config_))
      .Set("rules", kRuleSetVersion)
      .Set("rules_sha256", RuleListing().at("sha256"))
      .Set("response_codes_sha256", ToHex(Sha256(AsBytes(config_.answers.Csv()))))
      .Set("acb", acb_->eui64.Hyphenated())
      .Set("acb_ds_certificate_sha256", ToHex(acb_->digital_signing->sha256()))
      .Set("acb_ka_certificate_sha256", ToHex(acb_->key_agreement->sha256()))
      .Set("hsm", audit::Object{{"label", token.label},
                                {"manufacturer", token.manufacturer},
                                {"model", token.model},
                                {"serial", token.serial},
                                {"firmware", token.firmware_version}});
  if (Status started = store_->Start(hsm_->anchors(), {start}); !started) return started;
  if (Status kept = KeepTrustSettings(trust); !kept) return kept;
  if (config_.policy.network_operator_registration) return Done{};
  // SECMP0063's check is what the box is for: that it is off is a record of its own.
  audit::Entry off("configuration", now);
  off.Set("setting", "checks.network_operator_registration").Set("value", false);
  auto receipt = store_->Append(off);
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
  named.push_back(ToBytes(acb_->digital_signing->der()));
  named.push_back(ToBytes(acb_->key_agreement->der()));
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

std::vector<Failure> Box::Attention() const {
  std::vector<Failure> found;
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
    Status fresh = checks::CheckFeedAges(**records, config_.policy, clock_.Now());
    if (!fresh) found.push_back(fresh.error());
  }
  if (Status ours = checks::CheckAcbCertificates(*trust_->Current(), *acb_, JudgedAt()); !ours) {
    found.push_back(std::move(ours).error());
  }
  return found;
}

bool Box::Ready() const { return !store_->ended(); }

}  // namespace acb::platform
