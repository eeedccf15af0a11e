#include "firmware/case_file.h"

#include <algorithm>

#include "firmware/rules.h"

namespace acb {
namespace {

// R-NOW-14: serial number and issuer, subject entity identifier, SHA-256.
audit::Value Identify(const smki::Certificate& certificate) {
  audit::Object names;
  names.emplace("serial", certificate.SerialDecimal());
  names.emplace("issuer", certificate.issuer().Text());
  if (const auto eui = certificate.eui64()) names.emplace("subject", eui->Hyphenated());
  names.emplace("sha256", ToHex(certificate.sha256()));
  return names;
}

}  // namespace

void CaseFile::Observe(const std::vector<std::string>& more) {
  for (const std::string& observation : more) {
    if (std::ranges::find(observations, observation) == observations.end()) {
      observations.push_back(observation);
    }
  }
}

Status CaseFile::NoteFeeds(const Records& records) {
  for (const Feed feed : kFeeds) {
    const auto import = records.FindLastImport(feed);
    if (!import) return import.error();
    if (import->has_value()) {
      feeds.emplace(std::string(Name(feed)), std::to_string((*import)->audit_index));
    }
  }
  return Done{};
}

void CaseFile::NoteCertificates(const smki::Trust& trust) {
  const auto note = [&](const Bytes& der) {
    const auto certificate = trust.Read(der);
    // Of what is no certificate its octets are all there is to tell.
    certificates.push_back(certificate ? Identify(**certificate)
                                       : audit::Object{{"sha256", ToHex(Sha256(der))}});
  };
  const duis::HandoverRequest& content = request->content();
  note(content.digital_signing_certificate);
  if (content.key_agreement_certificate) note(*content.key_agreement_certificate);
  if (content.key_agreement_top_up_certificate) note(*content.key_agreement_top_up_certificate);
}

ReservationWish CaseFile::Wish(std::uint64_t trust_generation) const {
  const duis::HandoverRequest& content = request->content();
  return {content.request_id, body, content.role, proposed, trust_generation, now};
}

audit::Entry CaseFile::Begin(std::string_view kind) const {
  audit::Entry entry(kind, now);
  entry.SetIfAny("client", client).SetIfAny("channel", channel).Set("request_sha256", ToHex(body));
  entry.Set("rules", kRuleSetVersion);  // R-SEC3-65
  if (judged_at != now) entry.Set("judged_at", judged_at.Iso());
  if (request) {
    const duis::HandoverRequest& content = request->content();
    entry.Set("request_id", content.request_id.Text())
        .Set("user", content.request_id.originator.Hyphenated())
        .Set("device", content.request_id.target.Hyphenated())
        .Set("role", Name(content.role));
  } else if (claimed_id) {
    entry.Set("claimed_request_id", claimed_id->Text());
  }
  if (signer) entry.Set("signer", Identify(*signer));
  entry.SetIfAny("party", requester);
  if (device) {
    entry.Set("device_type", Name(device->type));
    // The meter point is personal data. A hash of it alone could be found by trying all numbers.
    entry.SealIfAny("mpxn", device->mpxn);
  }
  if (acb_certificate) entry.Set("acb_certificate", Identify(*acb_certificate));
  if (!certificates.empty()) entry.Set("certificates", certificates);
  entry.SetIfAny("network_operator_by_registration", registration.by_registration)
      .SetIfAny("network_operator_by_prefix", registration.by_prefix);
  if (!feeds.empty()) entry.Set("feeds", feeds);
  if (!observations.empty()) {
    entry.Set("observations", audit::List(observations.begin(), observations.end()));
  }
  return entry;
}

audit::Entry CaseFile::SignedEntry(const ReservedCounter& counter,
                                   const gbcs::SignedCommand& command, Eui64 acb) const {
  audit::Entry entry = Begin("signed");
  entry.Set("originator", acb.Hyphenated())
      .Set("originator_counter", std::to_string(counter.counter().value()))
      .Set("command_sha256", ToHex(Sha256(command.octets)))
      .Set("command_octets", std::to_string(command.octets.size()));
  if (const auto floor = device->cell(counter.role()).floor) {
    entry.Set("recorded_floor", std::to_string(floor->value()));
  }
  if (const auto floor = request->content().floor) {
    entry.Set("requested_floor", std::to_string(floor->value()));
  }
  return entry;
}

audit::Entry CaseFile::RefusedEntry(const Failure& why, bool final) const {
  audit::Entry entry = Begin("refused");
  entry.Set("reason", Describe(why.reason).name)
      .Set("final", final)
      .SetIfAny("check", check)
      .Set("response_code", answers.Of(why.reason).response_code)
      .SealIfAny("explanation", why.explanation);
  // R-SEC3-61: the reason does not tell which.
  if (stale_feed && why.reason == Reason::kFeedStale) entry.Set("stale_feed", Name(*stale_feed));
  return entry;
}

audit::Entry CaseFile::QuarantinedEntry(const Failure& why) const {
  audit::Entry entry = Begin("quarantined");
  entry.Set("reason", Describe(why.reason).name).SealIfAny("explanation", why.explanation);
  return entry;
}

}  // namespace acb
