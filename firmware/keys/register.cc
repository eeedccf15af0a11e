#include "firmware/keys/register.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "firmware/base/base64.h"

namespace acb::keys {
namespace {

constexpr std::array<std::pair<State, std::string_view>, 6> kStates = {
    {{State::kGenerated, "generated"},
     {State::kRequested, "requested"},
     {State::kAccepted, "accepted"},
     {State::kActive, "active"},
     {State::kRetired, "retired"},
     {State::kDestroyed, "destroyed"}}};

constexpr std::string_view kSigningLabel = "acb-ds";
constexpr std::string_view kAgreementLabel = "acb-ka";

Failure Wrong(std::string what) { return Failure(Reason::kConfiguration, std::move(what)); }

Failure Damaged(std::string_view what) {
  return Failure(Reason::kRecordDamaged, {}, "the register of keys: " + std::string(what));
}

std::optional<State> StateFromName(std::string_view name) {
  for (const auto& [state, text] : kStates) {
    if (text == name) return state;
  }
  return std::nullopt;
}

audit::Object Describe(const smki::Certificate& certificate) {
  return {{"sha256", ToHex(certificate.sha256())},
          {"serial", certificate.SerialDecimal()},
          {"issuer", certificate.issuer().Text()},
          {"subject_key_identifier", ToHex(certificate.subject_key_identifier())},
          {"eui64", certificate.eui64() ? certificate.eui64()->Hyphenated() : std::string()},
          {"not_before", certificate.not_before().Iso()},
          {"not_after", certificate.not_after().Iso()},
          {"der", ToBase64(certificate.der())}};
}

audit::Object Describe(const RequestRecord& request) {
  return {{"sha256", ToHex(request.sha256)},
          {"channel", request.channel},
          {"person", request.person},
          {"organisation", request.organisation},
          {"approval", request.approval}};
}

audit::List Describe(const std::vector<Transition>& transitions) {
  audit::List list;
  for (const Transition& one : transitions) {
    list.emplace_back(
        audit::Object{{"state", Name(one.state)},
                      {"at", one.at.Iso()},
                      {"operators", audit::List(one.operators.begin(), one.operators.end())}});
  }
  return list;
}

// --- Reading what Serialise wrote ---

std::string TextOf(const boost::json::object& object, std::string_view name) {
  const boost::json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_string()) return {};
  return std::string(std::string_view(value->get_string()));
}

Result<std::vector<Transition>> ReadTransitions(const boost::json::object& object) {
  std::vector<Transition> transitions;
  const boost::json::value* list = object.if_contains("transitions");
  if (list == nullptr || !list->is_array()) return Damaged("a key without transitions");
  for (const boost::json::value& element : list->get_array()) {
    if (!element.is_object()) return Damaged("a transition is no object");
    const boost::json::object& one = element.get_object();
    const auto state = StateFromName(TextOf(one, "state"));
    const auto at = UtcTime::FromIso(TextOf(one, "at"));
    if (!state || !at) return Damaged("a transition without state or time");
    Transition read{*state, *at, {}};
    if (const auto* names = one.if_contains("operators"); names != nullptr && names->is_array()) {
      for (const boost::json::value& name : names->get_array()) {
        if (name.is_string()) read.operators.emplace_back(std::string_view(name.get_string()));
      }
    }
    transitions.push_back(std::move(read));
  }
  if (transitions.empty()) return Damaged("a key without transitions");
  return transitions;
}

Result<smki::CertificatePtr> ReadCertificate(const boost::json::object& object) {
  const boost::json::value* value = object.if_contains("certificate");
  if (value == nullptr) return smki::CertificatePtr();
  const auto der =
      value->is_object() ? FromBase64(TextOf(value->get_object(), "der")) : std::nullopt;
  if (!der) return Damaged("a certificate is no base64");
  return smki::Certificate::Parse(*der);
}

Result<std::optional<RequestRecord>> ReadRequest(const boost::json::object& object) {
  const boost::json::value* value = object.if_contains("request");
  if (value == nullptr) return std::optional<RequestRecord>();
  if (!value->is_object()) return Damaged("a request is no object");
  const boost::json::object& members = value->get_object();
  const auto sha256 = FromHex(TextOf(members, "sha256"));
  RequestRecord request;
  if (!sha256 || sha256->size() != request.sha256.size()) return Damaged("a request has no hash");
  std::ranges::copy(*sha256, request.sha256.begin());
  request.channel = TextOf(members, "channel");
  request.person = TextOf(members, "person");
  request.organisation = TextOf(members, "organisation");
  request.approval = TextOf(members, "approval");
  return std::optional(std::move(request));
}

Result<KeyRecord> ReadKey(const boost::json::object& object) {
  KeyRecord key;
  key.label = TextOf(object, "label");
  const auto parts = PartsOf(key.label);
  const auto state = StateFromName(TextOf(object, "state"));
  const auto point = FromHex(TextOf(object, "point"));
  if (!parts || !state || !point || point->size() != key.point.size()) {
    return Damaged("key \"" + key.label + "\" has not the form of one");
  }
  key.role = parts->role;
  key.generation = parts->generation;
  key.state = *state;
  std::ranges::copy(*point, key.point.begin());
  key.generated_in_token = TextOf(object, "source") == "generated in the token";
  key.place = TextOf(object, "place");
  key.token_serial = TextOf(object, "token");
  key.custodians = TextOf(object, "custodians");
  key.backups = TextOf(object, "backups");
  auto transitions = ReadTransitions(object);
  if (!transitions) return std::move(transitions).error();
  key.transitions = *std::move(transitions);
  auto request = ReadRequest(object);
  if (!request) return std::move(request).error();
  key.request = *std::move(request);
  auto certificate = ReadCertificate(object);
  if (!certificate) return std::move(certificate).error();
  key.certificate = *std::move(certificate);
  return key;
}

}  // namespace

std::string_view Name(Role role) {
  switch (role) {
    case Role::kDigitalSigning:
      return "digital-signing";
    case Role::kKeyAgreement:
      return "key-agreement";
  }
  return "";
}

Result<Role> RoleFromName(std::string_view name) {
  for (const Role role : {Role::kDigitalSigning, Role::kKeyAgreement}) {
    if (name == Name(role)) return role;
  }
  return Failure(Reason::kRole, "no key of role '" + std::string(name) +
                                    "' is held here: this appliance holds the ACB's "
                                    "digital-signing and key-agreement keys and no others");
}

KeyUsage UsageOf(Role role) {
  switch (role) {
    case Role::kDigitalSigning:
      return KeyUsage::kDigitalSignature;
    case Role::kKeyAgreement:
      return KeyUsage::kKeyAgreement;
  }
  return KeyUsage::kDigitalSignature;
}

std::string_view Name(State state) {
  for (const auto& [known, text] : kStates) {
    if (known == state) return text;
  }
  return "";
}

std::string LabelOf(Role role, std::uint32_t generation) {
  std::string label(role == Role::kDigitalSigning ? kSigningLabel : kAgreementLabel);
  if (generation > 1) label += "-" + std::to_string(generation);
  return label;
}

std::optional<LabelParts> PartsOf(std::string_view label) {
  for (const Role role : {Role::kDigitalSigning, Role::kKeyAgreement}) {
    const std::string first = LabelOf(role, 1);
    if (label == first) return LabelParts{role, 1};
    if (!label.starts_with(first + "-")) continue;
    const auto number = ParseDecimal(label.substr(first.size() + 1));
    if (!number || *number < 2 || *number > kMaxGeneration) return std::nullopt;
    return LabelParts{role, static_cast<std::uint32_t>(*number)};
  }
  return std::nullopt;
}

Status CheckText(std::string_view option, std::string_view text) {
  const bool visible = std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
  if (!text.empty() && text.size() <= kMaxText && visible) return Done{};
  return Wrong(std::string(option) + " takes 1 to " + std::to_string(kMaxText) +
               " characters of ASCII on one line");
}

audit::Object Describe(const KeyRecord& key) {
  audit::Object members{{"label", key.label},
                        {"role", Name(key.role)},
                        {"generation", std::to_string(key.generation)},
                        {"state", Name(key.state)},
                        {"algorithm", "ECDSA P-256"},
                        {"point", ToHex(key.point)},
                        // As `provision` names it: of the point.
                        {"public_sha256", ToHex(Sha256(key.point))},
                        {"source", key.generated_in_token ? "generated in the token" : "imported"},
                        {"transitions", Describe(key.transitions)}};
  if (key.role == Role::kKeyAgreement) members.at("algorithm") = "ECDH P-256";
  for (const auto& [name, text] :
       {std::pair("place", &key.place), std::pair("token", &key.token_serial),
        std::pair("custodians", &key.custodians), std::pair("backups", &key.backups)}) {
    if (!text->empty()) members.emplace(name, *text);
  }
  if (key.request) members.emplace("request", Describe(*key.request));
  if (key.certificate) members.emplace("certificate", Describe(*key.certificate));
  return members;
}

Result<Register> Register::Parse(std::string_view text) {
  boost::json::error_code error;
  const auto value = boost::json::parse(text, error);
  const boost::json::value* list =
      !error && value.is_object() ? value.get_object().if_contains("keys") : nullptr;
  if (list == nullptr || !list->is_array()) return Damaged("it is no list of keys");
  if (list->get_array().size() > kMaxKeys) return Damaged("too many keys");
  Register read;
  for (const boost::json::value& element : list->get_array()) {
    if (!element.is_object()) return Damaged("a key is no object");
    auto key = ReadKey(element.get_object());
    if (!key) return std::move(key).error();
    read.Put(*std::move(key));
  }
  return read;
}

std::string Register::Serialise() const {
  audit::List list;
  for (const KeyRecord& key : keys_) list.emplace_back(Describe(key));
  return audit::CanonicalJson(audit::Object{{"keys", std::move(list)}});
}

const KeyRecord* Register::Find(std::string_view label) const {
  const auto found = std::ranges::find(keys_, label, &KeyRecord::label);
  return found == keys_.end() ? nullptr : &*found;
}

void Register::Put(KeyRecord key) {
  const auto found = std::ranges::find(keys_, key.label, &KeyRecord::label);
  if (found == keys_.end()) {
    keys_.push_back(std::move(key));
  } else {
    *found = std::move(key);
  }
}

Status Register::CheckPair(std::uint32_t generation, State state) const {
  for (const Role role : {Role::kDigitalSigning, Role::kKeyAgreement}) {
    const std::string label = LabelOf(role, generation);
    const KeyRecord* key = Find(label);
    if (key == nullptr)
      return Wrong("generation " + std::to_string(generation) + " has no key " + label);
    if (key->state == state) continue;
    return Wrong("key " + label + " is " + std::string(Name(key->state)) + ", not " +
                 std::string(Name(state)) + ": both keys of a generation go together");
  }
  return Done{};
}

std::vector<std::uint32_t> Register::ActiveGenerations() const {
  std::vector<std::uint32_t> active;
  for (const KeyRecord& key : keys_) {
    if (key.role == Role::kDigitalSigning && CheckPair(key.generation, State::kActive)) {
      active.push_back(key.generation);
    }
  }
  std::ranges::sort(active);
  return active;
}

std::optional<Eui64> Register::Identity() const {
  for (const KeyRecord& key : keys_) {
    if (key.certificate && key.certificate->eui64()) return key.certificate->eui64();
  }
  return std::nullopt;
}

Status Advance(KeyRecord& key, State to, UtcTime at, const std::vector<std::string>& operators) {
  const auto may = [&] {
    switch (to) {
      case State::kGenerated:
        return false;
      case State::kRequested:  // again: the request was lost, or is to be made anew
        return key.state == State::kGenerated || key.state == State::kRequested;
      case State::kAccepted:  // MP074: no certificate without a recorded request
        return key.state == State::kRequested;
      case State::kActive:
        return key.state == State::kAccepted;
      case State::kRetired:
        return key.state == State::kActive;
      case State::kDestroyed:  // one that was never used needs no retirement
        return key.state != State::kActive && key.state != State::kDestroyed;
    }
    return false;
  };
  if (!may()) {
    return Wrong("key " + key.label + " is " + std::string(Name(key.state)) +
                 ": it cannot become " + std::string(Name(to)) +
                 " (the order is generated, requested, accepted, active, retired, destroyed)");
  }
  key.state = to;
  key.transitions.push_back({to, at, operators});
  return Done{};
}

}  // namespace acb::keys
