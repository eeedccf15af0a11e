#include "platform/acb_keys.h"

#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <set>

#include "firmware/base/ascii.h"
#include "hsm/key_purpose.h"
#include "platform/trust_settings.h"

namespace acb::platform {
namespace {

using keys::Role;

hsm::AcbKeyLabels LabelsOf(std::uint32_t generation) {
  return {keys::LabelOf(Role::kDigitalSigning, generation),
          keys::LabelOf(Role::kKeyAgreement, generation)};
}

Result<AcbPair> FromFiles(const Config& config, UtcTime provisioned_at) {
  auto digital_signing = LoadCertificate(config.acb_digital_signing_certificate);
  if (!digital_signing) return std::move(digital_signing).error();
  auto key_agreement = LoadCertificate(config.acb_key_agreement_certificate);
  if (!key_agreement) return std::move(key_agreement).error();
  auto acb = checks::AcbCertificates::From(*std::move(digital_signing), *std::move(key_agreement));
  if (!acb) return std::move(acb).error();
  return AcbPair{*std::move(acb), LabelsOf(1), provisioned_at};
}

// The earliest, as there is only one: no key that was retired comes back.
UtcTime ActivatedAt(const keys::KeyRecord& key) {
  const auto found =
      std::ranges::find(key.transitions, keys::State::kActive, &keys::Transition::state);
  return found == key.transitions.end() ? key.transitions.front().at : found->at;
}

Result<AcbPair> FromRegister(const keys::Register& keys, std::uint32_t generation) {
  const hsm::AcbKeyLabels labels = LabelsOf(generation);
  const keys::KeyRecord& ds = *keys.Find(labels.digital_signing);
  auto acb =
      checks::AcbCertificates::From(ds.certificate, keys.Find(labels.key_agreement)->certificate);
  if (!acb) return std::move(acb).error();
  return AcbPair{*std::move(acb), labels, ActivatedAt(ds)};
}

std::string Describe(const hsm::TokenInfo& token) {
  return "maker \"" + token.manufacturer + "\", model \"" + token.model + "\", firmware \"" +
         token.firmware_version + "\"";
}

struct Halves {
  std::size_t with_private = 0;
  std::size_t with_public = 0;
  std::size_t secret = 0;
  bool exposed = false;  // extractable, or not sensitive
  Bytes point;
};

std::map<std::string, Halves> ByLabel(const std::vector<hsm::KeyObject>& objects) {
  std::map<std::string, Halves> by_label;
  for (const hsm::KeyObject& object : objects) {
    Halves& halves = by_label[object.label];
    switch (object.half) {
      case hsm::KeyObject::Half::kPrivate:
        ++halves.with_private;
        halves.exposed = halves.exposed || object.extractable || !object.sensitive;
        break;
      case hsm::KeyObject::Half::kPublic:
        ++halves.with_public;
        halves.point = object.point;
        break;
      case hsm::KeyObject::Half::kSecret:
        ++halves.secret;
        break;
    }
  }
  return by_label;
}

}  // namespace

Result<keys::Register> ReadKeys(const store::Store& store) {
  const auto text = store.ReadKeyRegister();
  if (!text) return text.error();
  if (!text->has_value()) return keys::Register();
  return keys::Register::Parse(**text);
}

Result<UtcTime> ProvisionedAt(const store::Store& store) {
  const auto first = store.ReadAudit(0, 1);
  if (!first) return first.error();
  boost::json::error_code error;
  const auto entry =
      first->empty() ? boost::json::value() : boost::json::parse(first->front(), error);
  const auto* time = entry.is_object() ? entry.get_object().if_contains("time") : nullptr;
  const auto at = time != nullptr && time->is_string()
                      ? UtcTime::FromIso(std::string_view(time->get_string()))
                      : std::nullopt;
  if (!at) return Failure(Reason::kRecordDamaged, {}, "the log's first entry has no time");
  return *at;
}

Result<std::vector<AcbPair>> PairsInUse(const Config& config, const keys::Register& keys,
                                        UtcTime provisioned_at) {
  std::vector<AcbPair> pairs;
  // The first pair is as provisioning left it until a ceremony says more of it.
  if (keys.Find(LabelsOf(1).digital_signing) == nullptr) {
    auto first = FromFiles(config, provisioned_at);
    if (!first) return std::move(first).error();
    pairs.push_back(*std::move(first));
  }
  for (const std::uint32_t generation : keys.ActiveGenerations()) {
    auto pair = FromRegister(keys, generation);
    if (!pair) return std::move(pair).error();
    if (!pairs.empty() && pairs.front().certificates.eui64 != pair->certificates.eui64) {
      return Failure(Reason::kAcbCert, "the ACB's key pairs have certificates of two EUI-64s");
    }
    pairs.push_back(*std::move(pair));
  }
  if (pairs.empty()) {
    return Failure(Reason::kAcbCert,
                   "no pair of ACB keys is in use: 'acbctl key list' says what each one waits for");
  }
  return pairs;
}

Result<ApprovedModule> ApprovalOf(const std::vector<ApprovedModule>& list,
                                  const hsm::TokenInfo& token, UtcTime at) {
  const std::string who = "the HSM (" + Describe(token) + ")";
  if (LowerCase(token.manufacturer + " " + token.model).find("softhsm") != std::string::npos) {
    return Failure(Reason::kHsmNotApproved,
                   who + " is software for tests: a live box does not sign with it");
  }
  const auto found = std::ranges::find_if(list, [&](const ApprovedModule& one) {
    return one.manufacturer == token.manufacturer && one.model == token.model &&
           one.firmware == token.firmware_version;
  });
  if (found == list.end()) {
    return Failure(Reason::kHsmNotApproved,
                   who + " is not on the list of approved modules ([[hsm.approved]])");
  }
  constexpr std::uint64_t kLeastLevel = 3;
  if (found->level < kLeastLevel) {
    return Failure(Reason::kHsmNotApproved, who + " is approved at level " +
                                                std::to_string(found->level) + ", not 3 or above");
  }
  if (found->standard == "140-3") return *found;
  if (found->exception_owner.empty() || !found->exception_until || *found->exception_until <= at) {
    return Failure(Reason::kHsmNotApproved,
                   who +
                       " is of FIPS 140-2, without an exception that has an owner and has not "
                       "ended");
  }
  return *found;
}

std::vector<std::string> CompareWithToken(const keys::Register& keys,
                                          const std::vector<hsm::KeyObject>& objects) {
  std::set<std::string> known = {std::string(hsm::kCheckpointLabel)};
  const hsm::AcbKeyLabels first = LabelsOf(1);
  std::vector<std::string> found;
  const auto in_token = ByLabel(objects);
  for (const std::string& label : {first.digital_signing, first.key_agreement}) {
    if (keys.Find(label) != nullptr) continue;
    known.insert(label);
    if (!in_token.contains(label)) {
      found.push_back(label + ": made when the box was provisioned, and not in the token");
    }
  }
  for (const keys::KeyRecord& key : keys.keys()) {
    if (key.state == keys::State::kDestroyed) continue;
    known.insert(key.label);
    const auto held = in_token.find(key.label);
    if (held == in_token.end()) {
      found.push_back(key.label + ": on record as " + std::string(Name(key.state)) +
                      ", and not in the token");
    } else if (!held->second.point.empty() && !Equal(held->second.point, key.point)) {
      found.push_back(key.label + ": another key in the token than on record");
    }
  }
  for (const auto& [label, halves] : in_token) {
    if (!known.contains(label))
      found.push_back(label + ": in the token, and on no record (orphan)");
    if (halves.secret == 0 && (halves.with_private != 1 || halves.with_public != 1)) {
      found.push_back(label + ": " + std::to_string(halves.with_private) + " private and " +
                      std::to_string(halves.with_public) + " public halves, not one each");
    }
    if (halves.exposed) found.push_back(label + ": extractable, or not sensitive");
  }
  return found;
}

}  // namespace acb::platform
