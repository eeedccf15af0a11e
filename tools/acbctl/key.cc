#include "tools/acbctl/key.h"

#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstring>
#include <iostream>

#include "firmware/base/base64.h"
#include "firmware/keys/acceptance.h"
#include "firmware/keys/certificate_request.h"
#include "firmware/smki/bundle.h"
#include "platform/acb_keys.h"
#include "platform/system_clock.h"
#include "platform/trust_settings.h"
#include "tools/acbctl/key_holders.h"
#include "tools/acbctl/new_file.h"
#include "tools/acbctl/token.h"

namespace acb::acbctl {
namespace {

using keys::Act;
using keys::KeyRecord;
using keys::Role;
using keys::State;

// Requests and records of ceremonies hold no secret.
constexpr mode_t kReadableByAll = 0644;
constexpr std::array<Role, 2> kRoles = {Role::kDigitalSigning, Role::kKeyAgreement};

Failure Wrong(std::string what) { return Failure(Reason::kConfiguration, std::move(what)); }

hsm::KeyPurpose PurposeOf(Role role) {
  return role == Role::kDigitalSigning ? hsm::KeyPurpose::kSigning : hsm::KeyPurpose::kAgreement;
}

Status CheckTexts(std::initializer_list<std::pair<const char*, const std::string*>> texts) {
  for (const auto& [option, text] : texts) {
    if (Status good = keys::CheckText(option, *text); !good) return good;
  }
  return Done{};
}

std::string Pem(std::string_view label, BytesView der) {
  constexpr std::size_t kLine = 64;
  const std::string base64 = ToBase64(der);
  std::string pem = "-----BEGIN " + std::string(label) + "-----\n";
  for (std::size_t at = 0; at < base64.size(); at += kLine) {
    pem.append(base64, at, kLine).append("\n");
  }
  return pem + "-----END " + std::string(label) + "-----\n";
}

std::vector<std::string> LabelsIn(const std::vector<hsm::KeyObject>& objects) {
  std::vector<std::string> labels;
  for (const hsm::KeyObject& object : objects) {
    if (std::ranges::find(labels, object.label) == labels.end()) labels.push_back(object.label);
  }
  std::ranges::sort(labels);
  return labels;
}

std::string Count(const std::vector<hsm::KeyObject>& objects) {
  std::string text = std::to_string(objects.size()) + " objects:";
  for (const std::string& label : LabelsIn(objects)) text += " " + label;
  return text;
}

// The key on record under that label, whatever its state; not the checkpoint key.
Result<KeyRecord> Known(Ceremony& ceremony, const std::string& label) {
  const KeyRecord* key = ceremony.keys().Find(label);
  if (key != nullptr) return *key;
  if (!keys::PartsOf(label)) {
    return Failure(Reason::kRole, "\"" + label +
                                      "\" is no key of the ACB: these are acb-ds, "
                                      "acb-ka, acb-ds-2, acb-ka-2 and so on");
  }
  return Wrong("no key \"" + label + "\" is on record; 'acbctl key list' shows all");
}

// That it is in the token, works, and is the one on record.
Status TestKey(Ceremony& ceremony, const KeyRecord& key) {
  const auto found = ceremony.token().TestKeyPair(key.label, PurposeOf(key.role));
  if (!found) return found.error();
  if (hsm::ToPoint(*found) == key.point) return Done{};
  return Failure(Reason::kAcbCert, "key " + key.label + " in the token is not the one on record");
}

Status Add(const std::filesystem::path& file, Result<std::vector<Bytes>> (*split)(BytesView),
           std::vector<Bytes>& place) {
  constexpr std::uintmax_t kMaxFile = 1024 * 1024;
  if (file.empty()) return Done{};
  const auto text = ReadWhole(file, kMaxFile);
  if (!text) return text.error();
  auto found = split(AsBytes(*text));
  if (!found) return Wrong(file.string() + ": " + found.error().explanation);
  for (Bytes& der : *found) place.push_back(std::move(der));
  return Done{};
}

// What the box judges certificates by, and what the operators brought: issuing certificates and
// lists are taken for what their signatures say, up to a root that the box trusts already.
Result<std::shared_ptr<const smki::Trust>> TrustOf(Ceremony& ceremony, const KeyOptions& options) {
  auto settings = platform::TrustSettingsOf(ceremony.config());
  if (!settings) return std::move(settings).error();
  auto material = ceremony.store().LoadTrustMaterial();
  if (!material) return std::move(material).error();
  Status added = Add(options.certificates, smki::SplitCertificates, material->certificates);
  if (added) {
    added = Add(options.revocation_lists, smki::SplitRevocationLists, material->revocation_lists);
  }
  if (!added) return std::move(added).error();
  return smki::Trust::Build(*std::move(settings), material->generation, material->certificates,
                            material->revocation_lists);
}

UtcTime JudgedAt(const Ceremony& ceremony) {
  return ceremony.config().test.validation_time.value_or(ceremony.at());
}

// --- The acts: each begins after step 2 and ends before the last ---

struct Outcome {
  std::vector<std::string> labels;  // whose records the ceremony has written
};

using Steps = Result<Outcome> (*)(Ceremony&, const KeyOptions&);

Result<std::uint32_t> NextGeneration(Ceremony& ceremony, Role role, std::uint32_t wanted,
                                     const std::vector<hsm::KeyObject>& objects) {
  const auto taken = [&](std::uint32_t generation) {
    const std::string label = keys::LabelOf(role, generation);
    const auto labels = LabelsIn(objects);
    return ceremony.keys().Find(label) != nullptr ||
           std::ranges::find(labels, label) != labels.end();
  };
  if (wanted != 0) {
    if (!taken(wanted)) return wanted;
    return Wrong("there is a key " + keys::LabelOf(role, wanted) + " already, or there was one");
  }
  for (std::uint32_t next = 1; next <= keys::kMaxGeneration; ++next) {
    if (!taken(next)) return next;
  }
  return Wrong("no generation is left");
}

Result<Outcome> Generate(Ceremony& ceremony, const KeyOptions& options) {
  const auto role = keys::RoleFromName(options.role);
  if (!role) return role.error();
  const auto before = ceremony.token().ListKeys();
  if (!before) return before.error();
  ceremony.Note("listing_before", ListingJson(*before));
  ceremony.Step(Count(*before));
  const auto generation = NextGeneration(ceremony, *role, options.generation, *before);
  if (!generation) return generation.error();

  KeyRecord key;
  key.label = keys::LabelOf(*role, *generation);
  key.role = *role;
  key.generation = *generation;
  const auto made = ceremony.token().GenerateKeyPair(key.label, PurposeOf(*role));
  if (!made) return made.error();
  key.point = hsm::ToPoint(*made);
  key.place = options.place;
  key.custodians = options.custodians;
  key.token_serial = ceremony.token().token().serial;
  key.transitions.push_back({State::kGenerated, ceremony.at(), ceremony.operators()});
  ceremony.Note("returned", "CKR_OK");
  ceremony.Step("C_GenerateKeyPair CKR_OK, tested: " + key.label +
                ", SHA-256 of the public point " + ToHex(Sha256(key.point)));

  const auto after = ceremony.token().ListKeys();
  if (!after) return after.error();
  ceremony.Note("listing_after", ListingJson(*after));
  constexpr std::size_t kHalves = 2;
  const auto ours = std::ranges::count(*after, key.label, &hsm::KeyObject::label);
  if (after->size() != before->size() + kHalves || ours != static_cast<long>(kHalves)) {
    return Failure(Reason::kHsmUnavailable,
                   "the token's listing is not the one before with the "
                   "two halves of " +
                       key.label);
  }
  ceremony.Step(Count(*after));
  ceremony.keys().Put(key);
  return Outcome{{key.label}};
}

Result<Eui64> IdentityOf(const Ceremony& ceremony, const keys::Register& keys,
                         const std::string& option) {
  const std::optional<Eui64> known = keys.Identity();
  if (option.empty()) {
    if (known) return *known;
    return Wrong("no certificate on record says the ACB's EUI-64 yet: give it with --eui64 (" +
                 ceremony.config().file.string() + ")");
  }
  const std::optional<Eui64> given = Eui64::FromText(option);
  if (!given) return Wrong("--eui64 takes an EUI-64, not '" + option + "'");
  if (known && *known != *given) {
    return Wrong("the ACB's EUI-64 is " + known->Hyphenated() + ", by the certificates on record");
  }
  return *given;
}

Result<Outcome> Csr(Ceremony& ceremony, const KeyOptions& options) {
  auto key = Known(ceremony, options.label);
  if (!key) return std::move(key).error();
  Status may = Advance(*key, State::kRequested, ceremony.at(), ceremony.operators());
  if (!may) return std::move(may).error();
  const auto identity = IdentityOf(ceremony, ceremony.keys(), options.eui64);
  if (!identity) return identity.error();
  std::error_code error;
  if (std::filesystem::exists(options.file, error)) {
    return Wrong(options.file.string() + " is there already");
  }
  // A key for agreement that an earlier request left able to sign is put in order by this one, so
  // it is tested afterwards.
  const auto der = keys::BuildCertificateRequest(
      {.common_name = options.common_name, .eui64 = *identity}, keys::UsageOf(key->role),
      key->point, [&](BytesView request) {
        return ceremony.token().SignRequest(key->label, PurposeOf(key->role), request);
      });
  if (!der) return der.error();
  if (Status tested = TestKey(ceremony, *key); !tested) return std::move(tested).error();
  ceremony.Step(key->label + " is in the token, and works");
  ceremony.Step("PKCS#10 for EUI-64 " + identity->Hyphenated() + ", SHA-256 " +
                ToHex(Sha256(*der)) + "; its signature verifies");
  Status written =
      WriteNewFile(options.file, AsBytes(Pem("CERTIFICATE REQUEST", *der)), kReadableByAll);
  if (!written) return std::move(written).error();
  key->request = keys::RequestRecord{.sha256 = Sha256(*der),
                                     .channel = options.channel,
                                     .person = options.person,
                                     .organisation = options.organisation,
                                     .approval = options.approval};
  ceremony.Note("request_der", ToBase64(*der));
  ceremony.Step("channel " + options.channel + ", person " + options.person + ", organisation " +
                options.organisation + ", approval " + options.approval);
  ceremony.keys().Put(*key);
  return Outcome{{key->label}};
}

Result<Outcome> Accept(Ceremony& ceremony, const KeyOptions& options) {
  auto key = Known(ceremony, options.label);
  if (!key) return std::move(key).error();
  Status may = Advance(*key, State::kAccepted, ceremony.at(), ceremony.operators());
  if (!may) return std::move(may).error();
  const auto certificate = platform::LoadCertificate(options.file);
  if (!certificate) return certificate.error();
  ceremony.Note("certificate_sha256", ToHex((*certificate)->sha256()));
  ceremony.Step((*certificate)->Label() + ", SHA-256 " + ToHex((*certificate)->sha256()));
  if (Status tested = TestKey(ceremony, *key); !tested) return std::move(tested).error();
  if ((*certificate)->public_point() != key->point) {
    return Failure(Reason::kAcbCert, "the certificate (" + (*certificate)->Label() +
                                         ") is of another key than " + key->label + " in the HSM");
  }
  ceremony.Step("its key is " + key->label + ", SHA-256 of the public point " +
                ToHex(Sha256(key->point)));
  const auto identity = IdentityOf(ceremony, ceremony.keys(), options.eui64);
  if (!identity) return identity.error();
  const auto trust = TrustOf(ceremony, options);
  if (!trust) return trust.error();
  Status fits =
      keys::CheckCertificateFor(*key, *certificate, *identity, **trust, JudgedAt(ceremony));
  if (!fits) return std::move(fits).error();
  ceremony.Step("role ACB, " + std::string(keys::Name(key->role)) + ", EUI-64 " +
                identity->Hyphenated() + "; path good");
  key->certificate = *certificate;
  ceremony.keys().Put(*key);
  return Outcome{{key->label}};
}

// Both keys of the generation move on together.
Result<Outcome> AdvancePair(Ceremony& ceremony, std::uint32_t generation, State to) {
  Outcome outcome;
  for (const Role role : kRoles) {
    auto key = Known(ceremony, keys::LabelOf(role, generation));
    if (!key) return std::move(key).error();
    Status may = Advance(*key, to, ceremony.at(), ceremony.operators());
    if (!may) return std::move(may).error();
    outcome.labels.push_back(key->label);
    ceremony.keys().Put(*key);
  }
  return outcome;
}

Result<Outcome> Activate(Ceremony& ceremony, const KeyOptions& options) {
  Status both = ceremony.keys().CheckPair(options.generation, State::kAccepted);
  if (!both) return std::move(both).error();
  const KeyRecord& ds = *ceremony.keys().Find(keys::LabelOf(kRoles[0], options.generation));
  const KeyRecord& ka = *ceremony.keys().Find(keys::LabelOf(kRoles[1], options.generation));
  const auto acb = checks::AcbCertificates::From(ds.certificate, ka.certificate);
  if (!acb) return acb.error();
  if (ceremony.keys().ActiveGenerations().size() >= hsm::kMaxAcbKeyPairs) {
    return Wrong("as many key pairs are in use as may be, " + std::to_string(hsm::kMaxAcbKeyPairs) +
                 ": retire one first");
  }
  ceremony.Step("EUI-64 " + acb->eui64.Hyphenated() + ", subject key identifier " +
                ToHex(ByteWriter().U64(acb->key_id.value).bytes()));
  for (const KeyRecord* key : {&ds, &ka}) {
    if (Status tested = TestKey(ceremony, *key); !tested) return std::move(tested).error();
  }
  ceremony.Step(ds.label + " and " + ka.label);
  const auto trust = TrustOf(ceremony, options);
  if (!trust) return trust.error();
  Status path = checks::CheckAcbCertificates(**trust, *acb, JudgedAt(ceremony));
  if (!path) return std::move(path).error();
  ceremony.Step("both paths good");
  return AdvancePair(ceremony, options.generation, State::kActive);
}

// What goes out of use may still be needed: on the record, and told before it is done.
Result<std::string> Holders(Ceremony& ceremony, std::uint32_t generation) {
  const auto pair = PairOf(ceremony.keys(), generation);
  if (!pair) return std::string("which devices hold this pair is not known");
  const auto cells = CountAcbCells(ceremony.store());
  if (!cells) return cells.error();
  ceremony.Note("cells_of_devices", std::to_string(cells->Of(*pair)));
  ceremony.Note("cells_without_pair", std::to_string(cells->without_pair));
  if (const std::uint64_t left = cells->Of(*pair); left != 0) {
    std::cerr << "acbctl: " << left
              << " cells of devices still hold this pair: nobody can hand them "
              << "over once it is destroyed\n";
  }
  return HoldersText(*cells, *pair);
}

Result<Outcome> Retire(Ceremony& ceremony, const KeyOptions& options) {
  Status in_use = ceremony.keys().CheckPair(options.generation, State::kActive);
  if (!in_use) return std::move(in_use).error();
  const auto holders = Holders(ceremony, options.generation);
  if (!holders) return holders.error();
  ceremony.Step("generation " + std::to_string(options.generation) + "; " + *holders);
  auto rest = ceremony.keys().ActiveGenerations();
  std::erase(rest, options.generation);
  if (rest.empty()) {
    return Wrong(
        "no other generation is in use: the box could sign nothing. Activate its "
        "successor first; to stop signing, 'acbctl suspend now all'");
  }
  std::string stays = "in use:";
  for (const std::uint32_t generation : rest) stays += " generation " + std::to_string(generation);
  ceremony.Step(stays);
  const auto listing = ceremony.token().ListKeys();
  if (!listing) return listing.error();
  ceremony.Note("listing_after", ListingJson(*listing));
  ceremony.Step(Count(*listing));
  return AdvancePair(ceremony, options.generation, State::kRetired);
}

// R-SEC3-45. Also what no record knows: an orphan, or half a pair that a crash left.
Result<Outcome> Destroy(Ceremony& ceremony, const KeyOptions& options) {
  if (options.label == hsm::kCheckpointLabel) {
    return Wrong("the checkpoint key is not destroyed here: without it the log cannot be signed");
  }
  const auto before = ceremony.token().ListKeys();
  if (!before) return before.error();
  std::optional<KeyRecord> key;
  if (const KeyRecord* known = ceremony.keys().Find(options.label)) {
    key = *known;
    Status may = Advance(*key, State::kDestroyed, ceremony.at(), ceremony.operators());
    if (!may) return std::move(may).error();
    key->backups = options.backups;
  }
  ceremony.Note("listing_before", ListingJson(*before));
  ceremony.Note("label", options.label);
  ceremony.Note("backups", options.backups);
  std::string known = "; " + options.label + " is on no record";
  if (key) {
    const auto holders = Holders(ceremony, keys::PartsOf(key->label)->generation);
    if (!holders) return holders.error();
    known = "; " + *holders;
  }
  ceremony.Step(Count(*before) + known);

  std::string text;
  auto destroyed = ceremony.token().DestroyKey(options.label);
  // On record and gone: its destruction is what the record lacks (after a recovery, say).
  if (!destroyed && destroyed.error().reason == Reason::kNotFound && key) {
    destroyed = std::vector<hsm::Destruction>();
    text = "none, the token does not hold it any more";
  }
  if (!destroyed) return std::move(destroyed).error();
  audit::List returned;
  for (const hsm::Destruction& one : *destroyed) {
    returned.emplace_back(audit::Object{{"half", Name(one.half)}, {"returned", one.returned}});
    text +=
        std::string(text.empty() ? "" : ", ") + std::string(Name(one.half)) + " " + one.returned;
  }
  ceremony.Note("returned", std::move(returned));
  ceremony.Step("C_DestroyObject: " + text + "; backups: " + options.backups);

  const auto after = ceremony.token().ListKeys();
  if (!after) return after.error();
  ceremony.Note("listing_after", ListingJson(*after));
  const auto left = LabelsIn(*after);
  if (after->size() + destroyed->size() != before->size() ||
      std::ranges::find(left, options.label) != left.end()) {
    return Failure(Reason::kHsmUnavailable,
                   "the token's listing is not the one before without " + options.label);
  }
  ceremony.Step(Count(*after));
  if (!key) return Outcome{};
  ceremony.keys().Put(*key);
  return Outcome{{key->label}};
}

Result<std::string> Carry(const KeyOptions& options, Act act, Steps steps) {
  auto ceremony = Ceremony::Open(options.ceremony, act);
  if (!ceremony) return std::move(ceremony).error();
  auto outcome = steps(**ceremony, options);
  if (!outcome) return (*ceremony)->Abort(std::move(outcome).error());
  auto record = (*ceremony)->Close(outcome->labels);
  if (!record) return std::move(record).error();
  sync();  // a PKCS#11 module may write its files without a flush (hsm/provisioning.h)
  if (options.ceremony.record.empty()) return record;
  Status written = WriteNewFile(options.ceremony.record, AsBytes(*record + "\n"), kReadableByAll);
  if (!written) {
    return Failure(written.error().reason,
                   "the ceremony is complete and on record; but " + written.error().explanation);
  }
  return record;
}

// Before anything is made: a ceremony that failed for its file alone would be held again.
Status CheckRecordIsNew(const std::filesystem::path& file) {
  std::error_code error;
  if (file.empty() || !std::filesystem::exists(std::filesystem::symlink_status(file, error))) {
    return Done{};
  }
  return Wrong("--record " + file.string() + " is there already: name a new file");
}

int Run(const KeyOptions& options, Act act, Steps steps, const Status& texts) {
  const bool json = options.ceremony.json;
  if (!texts) return Refuse(texts.error(), json);
  const std::string& witness = options.ceremony.witness;
  if (Status fits = CheckTexts({{"--witness", &witness}}); !witness.empty() && !fits) {
    return Refuse(fits.error(), json);
  }
  if (Status free = CheckRecordIsNew(options.ceremony.record); !free) {
    return Refuse(free.error(), json);
  }
  const auto record = Carry(options, act, steps);
  if (!record) return Refuse(record.error(), json);
  if (json) std::cout << *record << "\n";
  return kGood;
}

// --- Listing ---

std::string StateInToken(const std::vector<hsm::KeyObject>& objects, const std::string& label) {
  std::string halves;
  for (const hsm::KeyObject& object : objects) {
    if (object.label != label) continue;
    halves += (halves.empty() ? "" : "+") + std::string(Name(object.half));
  }
  return halves.empty() ? "not in the token" : halves;
}

boost::json::value ToJson(const audit::Value& value) {
  return boost::json::parse(audit::CanonicalJson(value));
}

void PrintKeys(const keys::Register& keys, const std::vector<hsm::KeyObject>& objects,
               const AcbCells& cells) {
  for (const KeyRecord& key : keys.keys()) {
    std::cout << key.label << "  " << Name(key.role) << "  " << Name(key.state) << "  "
              << StateInToken(objects, key.label) << "  point SHA-256 " << ToHex(Sha256(key.point))
              << "\n";
    if (key.certificate) {
      std::cout << "    certificate " << key.certificate->Label() << ", subject key identifier "
                << ToHex(key.certificate->subject_key_identifier()) << ", until "
                << key.certificate->not_after().Iso() << "\n";
    }
    if (const auto pair = PairOf(keys, keys::PartsOf(key.label)->generation)) {
      std::cout << "    " << HoldersText(cells, *pair) << "\n";
    }
    for (const keys::Transition& one : key.transitions) {
      std::cout << "    " << one.at.Iso() << "  " << Name(one.state) << "  by";
      for (const std::string& name : one.operators) std::cout << " " << name;
      std::cout << "\n";
    }
  }
}

// Of each pair that a device holds, by subject key identifier; "" of those that do not say.
boost::json::object CellsJson(const AcbCells& cells) {
  boost::json::object json{{"", std::to_string(cells.without_pair)}};
  for (const auto& [pair, count] : cells.by_pair) {
    json[ToHex(ByteWriter().U64(pair.value).bytes())] = std::to_string(count);
  }
  return json;
}

Result<boost::json::object> Listing(const KeyOptions& options) {
  const auto config = platform::LoadConfig(options.ceremony.config);
  if (!config) return config.error();
  auto token = OpenToken(*config);
  if (!token) return std::move(token).error();
  const auto store = OpenStoppedStore(*config);
  if (!store) return store.error();
  const auto keys = platform::ReadKeys(**store);
  if (!keys) return keys.error();
  const auto objects = (*token)->ListKeys();
  if (!objects) return objects.error();
  const auto cells = CountAcbCells(**store);
  if (!cells) return cells.error();
  const auto differences = platform::CompareWithToken(*keys, *objects);
  if (!options.ceremony.json) {
    PrintKeys(*keys, *objects, *cells);
    std::cout << "in the token: " << Count(*objects) << "\n";
    if (keys->keys().empty()) {
      std::cout << "no ceremony has been held yet: acb-ds and acb-ka are as provisioning made "
                   "them\n";
    }
    for (const std::string& one : differences) std::cout << "DIFFERENCE " << one << "\n";
    if (differences.empty()) std::cout << "the register is the token's listing\n";
  }
  boost::json::object json = boost::json::parse(keys->Serialise()).as_object();
  json["token"] = ToJson(audit::Value(ListingJson(*objects)));
  json["cells_of_devices"] = CellsJson(*cells);
  json["differences"] = boost::json::array(differences.begin(), differences.end());
  return json;
}

}  // namespace

int GenerateKey(const KeyOptions& options) {
  // R-SEC3-47: before anybody logs in.
  if (const auto role = keys::RoleFromName(options.role); !role) {
    return Refuse(role.error(), options.ceremony.json);
  }
  return Run(options, Act::kGenerate, Generate,
             CheckTexts({{"--place", &options.place}, {"--custodians", &options.custodians}}));
}

// R-074-4: all four, or no request.
int RequestCertificate(const KeyOptions& options) {
  return Run(options, Act::kCsr, Csr,
             CheckTexts({{"--channel", &options.channel},
                         {"--person", &options.person},
                         {"--organisation", &options.organisation},
                         {"--approval", &options.approval}}));
}

int AcceptCertificate(const KeyOptions& options) {
  return Run(options, Act::kAccept, Accept, Done{});
}

int ActivateKeys(const KeyOptions& options) {
  return Run(options, Act::kActivate, Activate, Done{});
}

int RetireKeys(const KeyOptions& options) { return Run(options, Act::kRetire, Retire, Done{}); }

int DestroyKey(const KeyOptions& options) {
  return Run(options, Act::kDestroy, Destroy, CheckTexts({{"--backups", &options.backups}}));
}

int ListKeys(const KeyOptions& options) {
  const auto listing = Listing(options);
  if (!listing) return Refuse(listing.error(), options.ceremony.json);
  if (options.ceremony.json) std::cout << boost::json::serialize(*listing) << "\n";
  return listing->at("differences").as_array().empty() ? kGood : kRefused;
}

}  // namespace acb::acbctl
