#include "tools/acbctl/key_ceremony.h"

#include <algorithm>
#include <boost/json.hpp>
#include <iostream>

#include "platform/acb_keys.h"
#include "platform/system_clock.h"
#include "platform/trust_settings.h"
#include "tools/acbctl/operators.h"
#include "tools/acbctl/token.h"

namespace acb::acbctl {
namespace {

// Twice this many in one record, of some 200 octets each, with 65,535 at most (audit/tile.h).
constexpr std::size_t kMaxListed = 128;

hsm::KeyPurpose PurposeOf(keys::Role role) {
  return role == keys::Role::kDigitalSigning ? hsm::KeyPurpose::kSigning
                                             : hsm::KeyPurpose::kAgreement;
}

std::string TextIn(const boost::json::value& object, std::string_view name) {
  const auto* members = object.if_object();
  const auto* value = members == nullptr ? nullptr : members->if_contains(name);
  if (value == nullptr || !value->is_string()) return {};
  return std::string(std::string_view(value->get_string()));
}

}  // namespace

audit::List ListingJson(const std::vector<hsm::KeyObject>& objects) {
  std::vector<const hsm::KeyObject*> sorted;
  for (const hsm::KeyObject& object : objects) sorted.push_back(&object);
  std::ranges::sort(sorted, [](const auto* a, const auto* b) {
    return std::pair(a->label, Name(a->half)) < std::pair(b->label, Name(b->half));
  });
  audit::List list;
  for (const hsm::KeyObject* object : sorted) {
    audit::Object members{
        {"label", object->label}, {"half", Name(object->half)}, {"algorithm", object->algorithm}};
    if (!object->point.empty()) members.emplace("public_sha256", ToHex(Sha256(object->point)));
    if (object->half != hsm::KeyObject::Half::kPublic) {
      members.emplace("sensitive", object->sensitive);
      members.emplace("extractable", object->extractable);
      members.emplace("generated_in_token", object->generated_in_token);
      members.emplace("signs", object->signs);
      members.emplace("derives", object->derives);
    }
    list.emplace_back(std::move(members));
  }
  return list;
}

Result<std::unique_ptr<store::Store>> OpenStoppedStore(const platform::Config& config) {
  const bool live = config.environment == smki::Environment::kLive;
  return store::Store::Open(
      {.directory = config.store_directory,
       .map_size = config.store_map_size,
       .environment = live ? store::Environment::kLive : store::Environment::kTest,
       .counter_jump = config.counter_jump,
       .anchor_every = config.anchor_every});
}

Ceremony::Ceremony(const CeremonyOptions& options, keys::Act act, platform::Config config)
    : options_(options),
      act_(act),
      config_(std::move(config)),
      at_(platform::SystemClock().Now()) {}

Ceremony::~Ceremony() = default;

Result<std::unique_ptr<Ceremony>> Ceremony::Open(const CeremonyOptions& options, keys::Act act) {
  auto config = platform::LoadConfig(options.config);
  if (!config) return std::move(config).error();
  std::unique_ptr<Ceremony> ceremony(new Ceremony(options, act, *std::move(config)));
  auto operators = ProveTwoOperators(ceremony->config_, options.as);
  if (!operators) return std::move(operators).error();
  for (ProvenOperator& one : *operators) {
    ceremony->operators_.push_back(std::move(one.identity));
    ceremony->certificates_.push_back(std::move(one.certificate));
  }
  if (!options.json) {
    std::cout << "key ceremony '" << Name(act) << "', script version " << keys::kScriptVersion
              << ", SHA-256 " << ToHex(keys::ScriptSha256(act)) << "\n";
  }
  ceremony->Step(ceremony->operators_[0] + " and " + ceremony->operators_[1]);
  if (Status token = ceremony->OpenToken(); !token) return std::move(token).error();
  if (Status store = ceremony->OpenStore(); !store) {
    return ceremony->Abort(std::move(store).error());
  }
  const hsm::TokenInfo& info = ceremony->token_->token();
  ceremony->Note("hsm", audit::Object{{"label", info.label},
                                      {"manufacturer", info.manufacturer},
                                      {"model", info.model},
                                      {"serial", info.serial},
                                      {"firmware", info.firmware_version}});
  ceremony->Step("token " + info.label + ", serial " + info.serial);
  Status fit = ceremony->CheckModule();
  if (fit) fit = ceremony->CheckListing();
  if (!fit) return ceremony->Abort(std::move(fit).error());
  if (Status first = ceremony->AdoptFirstPair(); !first) {
    return ceremony->Abort(std::move(first).error());
  }
  return ceremony;
}

Status Ceremony::OpenToken() {
  auto token = acbctl::OpenToken(config_);
  if (!token) return std::move(token).error();
  token_ = *std::move(token);
  return Done{};
}

// R-SEC3-39: a production key is never made or certified in a module that may not sign. To take one
// out of use, any module will do.
Status Ceremony::CheckModule() {
  if (config_.environment != smki::Environment::kLive) return Done{};
  if (act_ == keys::Act::kRetire || act_ == keys::Act::kDestroy) return Done{};
  const auto approved = platform::ApprovalOf(config_.approved_modules, token_->token(), at_);
  if (!approved) return approved.error();
  return Done{};
}

// Before anything is made or destroyed: what was done has to fit into its record.
Status Ceremony::CheckListing() {
  const auto objects = token_->ListKeys();
  if (!objects) return objects.error();
  if (objects->size() <= kMaxListed) return Done{};
  return Failure(Reason::kConfiguration, "the token holds " + std::to_string(objects->size()) +
                                             " keys and halves of keys: a record lists at most " +
                                             std::to_string(kMaxListed) +
                                             ". The box wants a token of its own");
}

Status Ceremony::OpenStore() {
  auto store = OpenStoppedStore(config_);
  if (!store) return std::move(store).error();
  store_ = *std::move(store);
  // A start of its own: no other box runs with this token, and none can start beside it.
  audit::Entry start("start", at_);
  start.Set("purpose", "key ceremony " + std::string(Name(act_)))
      .Set("operators", audit::List(operators_.begin(), operators_.end()));
  if (Status started = store_->Start(token_->anchors(), {start}); !started) return started;
  started_ = true;
  auto keys = platform::ReadKeys(*store_);
  if (!keys) return std::move(keys).error();
  keys_ = *std::move(keys);
  return Done{};
}

// What provisioning made is generation 1: on record from the first ceremony on, and in that
// ceremony's entry, from which a recovery can tell it again.
Status Ceremony::AdoptFirstPair() {
  std::vector<keys::Role> missing;
  for (const keys::Role role : {keys::Role::kDigitalSigning, keys::Role::kKeyAgreement}) {
    if (keys_.Find(keys::LabelOf(role, 1)) == nullptr) missing.push_back(role);
  }
  if (missing.empty()) return Done{};
  const auto entries = store_->ReadAudit(0, 1);
  if (!entries) return entries.error();
  boost::json::error_code error;
  const auto provision =
      entries->empty() ? boost::json::value() : boost::json::parse(entries->front(), error);
  audit::Object sources;
  sources.emplace("time", TextIn(provision, "time"));
  audit::List adopted;
  for (const keys::Role role : missing) {
    const std::string label = keys::LabelOf(role, 1);
    const auto* made = provision.is_object() ? provision.get_object().if_contains("keys") : nullptr;
    const auto* one =
        made != nullptr && made->is_object() ? made->get_object().if_contains(label) : nullptr;
    sources.emplace(label, one == nullptr ? std::string() : TextIn(*one, "source"));
    auto key = FirstKey(role, sources);
    if (!key) return std::move(key).error();
    if (!key->has_value()) continue;
    adopted.emplace_back(Describe(**key));
    keys_.Put(**std::move(key));
  }
  if (!adopted.empty()) Note("adopted", std::move(adopted));
  return Done{};
}

Result<bool> Ceremony::IsInToken(const std::string& label) {
  const auto objects = token_->ListKeys();
  if (!objects) return objects.error();
  return std::ranges::find(*objects, label, &hsm::KeyObject::label) != objects->end();
}

// Nothing when neither a key nor a certificate tells of it. A key that the token does not have is
// on record by its certificate all the same: after a recovery that lost the record of its
// destruction, ceremonies are what puts the register in order.
Result<std::optional<keys::KeyRecord>> Ceremony::FirstKey(keys::Role role,
                                                          const audit::Object& provision) {
  keys::KeyRecord key;
  key.label = keys::LabelOf(role, 1);
  key.role = role;
  const auto held = IsInToken(key.label);
  if (!held) return held.error();
  if (*held) {
    const auto found = token_->TestKeyPair(key.label, PurposeOf(role));
    if (!found) return found.error();
    key.point = hsm::ToPoint(*found);
    key.token_serial = token_->token().serial;
  }
  const auto text = [&](const std::string& name) {
    return std::get<std::string>(provision.at(name).get());
  };
  key.generated_in_token = text(key.label) != "imported";
  const UtcTime made = UtcTime::FromIso(text("time")).value_or(at_);
  key.transitions.push_back({keys::State::kGenerated, made, {"provisioning"}});
  const auto& file = role == keys::Role::kDigitalSigning ? config_.acb_digital_signing_certificate
                                                         : config_.acb_key_agreement_certificate;
  std::error_code error;
  if (!std::filesystem::exists(file, error)) {  // a live box whose key is not certified
    if (*held) return std::optional(std::move(key));
    return std::optional<keys::KeyRecord>();
  }
  auto certificate = platform::LoadCertificate(file);
  if (!certificate) return std::move(certificate).error();
  const auto certified = (*certificate)->public_point();
  if (!*held && certified) key.point = *certified;
  if (certified != key.point) {
    return Failure(Reason::kAcbCert, file.string() + " is not of key " + key.label);
  }
  key.certificate = *std::move(certificate);
  key.state = keys::State::kActive;
  key.transitions.push_back({keys::State::kActive, made, {"provisioning"}});
  return std::optional(std::move(key));
}

void Ceremony::Step(const std::string& result) {
  const auto script = keys::StepsOf(act_);
  const std::size_t number = steps_.size();
  const std::string_view text = number < script.size() ? script[number] : std::string_view();
  steps_.emplace_back(audit::Object{{"number", std::to_string(number + 1)},
                                    {"step", text},
                                    {"at", platform::SystemClock().Now().Iso()},
                                    {"result", result}});
  if (options_.json) return;
  std::cout << "  " << number + 1 << ". " << text << "\n     -> " << result << "\n" << std::flush;
}

void Ceremony::Note(std::string_view name, audit::Value value) {
  notes_.insert_or_assign(std::string(name), std::move(value));
}

audit::Entry Ceremony::Record(bool complete) const {
  audit::Entry entry("ceremony", at_);
  audit::List participants;
  for (std::size_t i = 0; i < operators_.size(); ++i) {
    participants.emplace_back(audit::Object{
        {"name", operators_[i]}, {"role", "operator"}, {"certificate_sha256", certificates_[i]}});
  }
  entry.Set("act", Name(act_))
      .Set("script_version", keys::kScriptVersion)
      .Set("script_sha256", ToHex(keys::ScriptSha256(act_)))
      .Set("operators", audit::List(operators_.begin(), operators_.end()))
      .Set("participants", std::move(participants))
      .Set("steps", steps_)
      .Set("complete", complete)
      .SetIfAny("witness", options_.witness);
  for (const auto& [name, value] : notes_) entry.Set(name, value);
  return entry;
}

// A clean stop: acbd can be started next.
Status Ceremony::Finish() {
  started_ = false;
  return store_->Stop(audit::Entry("stop", platform::SystemClock().Now()));
}

Result<std::string> Ceremony::Close(const std::vector<std::string>& labels) {
  audit::List described;
  for (const std::string& label : labels) {
    if (const keys::KeyRecord* key = keys_.Find(label)) described.emplace_back(Describe(*key));
  }
  Note("keys", std::move(described));
  Step("recorded, with the register of keys");
  const auto receipt = store_->AppendCeremony(Record(true), keys_.Serialise());
  if (!receipt) return receipt.error();
  const auto written = store_->ReadAudit(receipt->index, 1);
  if (!written) return written.error();
  if (Status stopped = Finish(); !stopped) return std::move(stopped).error();
  if (written->empty()) return Failure(Reason::kStoreUnavailable, "the record cannot be read back");
  if (!options_.json) {
    std::cout << "audit index " << receipt->index << ", leaf " << ToHex(receipt->leaf) << "\n";
  }
  return written->front();
}

Failure Ceremony::Abort(Failure why) {
  if (!started_) return why;
  audit::Entry entry = Record(false);
  entry.Set("reason", Describe(why.reason).name).SetIfAny("explanation", why.explanation);
  // What keeps it from being recorded is not more important than why it ended.
  (void)store_->AppendCeremony(entry, std::nullopt);
  (void)Finish();
  return why;
}

}  // namespace acb::acbctl
