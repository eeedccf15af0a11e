#include "tools/acb-verify/signed_command.h"

#include <algorithm>

#include "firmware/base/request_id.h"
#include "firmware/checks/signer.h"
#include "firmware/checks/target_certificates.h"
#include "firmware/duis/signature.h"
#include "firmware/gbcs/correlation.h"
#include "firmware/gbcs/message.h"
#include "tools/acb-verify/members.h"

namespace acb::verify {
namespace {

// Above any request_octets that a site may set; the box applied its own limit.
constexpr std::size_t kMaxRequestOctets = std::size_t{4} << 20;

Failure Wrong(std::string what) { return Failure(Reason::kMalformed, std::move(what)); }

// The reason's name before its explanation, which speaks of one certificate or field only.
Failure Said(std::string_view about, const Failure& why) {
  return Failure(why.reason, std::string(about) + ": " + std::string(Describe(why.reason).name) +
                                 (why.explanation.empty() ? "" : ", " + why.explanation));
}

Status Same(std::string_view name, std::string_view in_entry, std::string_view found) {
  if (in_entry == found) return Done{};
  return Wrong("the entry says " + std::string(name) + " is '" + std::string(in_entry) +
               "', the evidence says '" + std::string(found) + "'");
}

Status CheckNamed(std::string_view what, const audit::Object* named,
                  const smki::Certificate& certificate) {
  if (named == nullptr) return Wrong("the entry does not name " + std::string(what));
  const auto eui = certificate.eui64();
  const std::pair<std::string_view, std::string> members[] = {
      {"serial", certificate.SerialDecimal()},
      {"issuer", certificate.issuer().Text()},
      {"subject", eui ? eui->Hyphenated() : std::string()},
      {"sha256", ToHex(certificate.sha256())}};
  for (const auto& [name, value] : members) {
    Status same = Same(std::string(what) + "." + std::string(name), TextOf(*named, name), value);
    if (!same) return same;
  }
  return Done{};
}

// R-SEC3-29: the ACB's own certificates were good, and the signature is theirs.
Status CheckOurSignature(const audit::Object& entry, const gbcs::Message& message,
                         const InForce& in_force, UtcTime at) {
  const smki::Certificate& certificate = *in_force.acb.digital_signing;
  Status named = CheckNamed("acb_certificate", ObjectOf(entry, "acb_certificate"), certificate);
  if (!named) return named;
  Status good = checks::CheckAcbCertificates(*in_force.trust, in_force.acb, at);
  if (!good) return Said("the ACB's certificates", good.error());
  const auto& key = certificate.verifying_key();
  if (!key || !message.signature() || !key->VerifyRaw(message.ToBeSigned(), *message.signature())) {
    return Wrong("the command's signature is not the ACB's");
  }
  return Done{};
}

Result<gbcs::RecordedCounter> Recorded(const audit::Object& entry,
                                       const duis::HandoverRequest& request) {
  const auto number = NumberOf(entry, "originator_counter");
  const auto counter = number ? OriginatorCounter::From(*number) : std::nullopt;
  if (!counter) return Wrong("the entry has no originator_counter");
  // P2, as far as the entry tells: the floor that was recorded then.
  const auto floor = NumberOf(entry, "recorded_floor");
  if (floor && *number <= *floor) {
    return Wrong("originator_counter " + std::to_string(*number) + " is not above recorded_floor " +
                 std::to_string(*floor) + " (P2)");
  }
  return gbcs::RecordedCounter{request.request_id.target, request.role, *counter};
}

Status CheckMembers(const audit::Object& entry, const duis::HandoverRequest& request,
                    const checks::CheckedTarget& target, Eui64 acb) {
  const std::pair<std::string_view, std::string> members[] = {
      {"request_id", request.request_id.Text()},
      {"user", request.request_id.originator.Hyphenated()},
      {"device", request.request_id.target.Hyphenated()},
      {"role", std::string(Name(request.role))},
      {"requested_floor", request.floor ? std::to_string(request.floor->value()) : std::string()},
      {"originator", acb.Hyphenated()}};
  for (const auto& [name, value] : members) {
    if (Status same = Same(name, TextOf(entry, name), value); !same) return same;
  }
  const audit::List* named = ListOf(entry, "certificates");
  if (named == nullptr || named->size() != target.certificates().size()) {
    return Wrong("the entry does not name the request's certificates");
  }
  for (std::size_t i = 0; i < named->size(); ++i) {
    Status same =
        CheckNamed("certificates[" + std::to_string(i) + "]",
                   std::get_if<audit::Object>(&(*named)[i].get()), *target.certificates()[i]);
    if (!same) return same;
  }
  return Done{};
}

Result<duis::VerifiedRequest> CheckRequest(const audit::Object& entry, BytesView octets,
                                           const smki::Trust& trust, UtcTime at,
                                           std::vector<std::string>& observations,
                                           CommandCounts& counts) {
  duis::ParseLimits limits;
  limits.octets = kMaxRequestOctets;
  auto parsed = duis::Parse(octets, limits);
  if (!parsed) return Said("the request", parsed.error());
  const auto signer =
      checks::FindSigner(trust, parsed->signer(), at, [&](const smki::Certificate& certificate) {
        return duis::IsSignedWith(*parsed, certificate);
      });
  if (!signer) return Said("the request's signer", signer.error());
  observations = signer->observations;
  Status named = CheckNamed("signer", ObjectOf(entry, "signer"), *signer->certificate);
  if (!named) return std::move(named).error();
  auto verified = duis::VerifySignature(*std::move(parsed), signer->certificate);
  if (!verified) return Said("the request's signature", verified.error());
  if (trust.IsPinnedSigner(*signer->certificate)) ++counts.pinned;
  ++counts.requests;
  return verified;
}

// One that the box relied on without a list says so itself. `found`: on the signer's path and those
// of the certificates in the request.
Status CheckObservations(const audit::Object& entry, const std::vector<std::string>& found,
                         CommandCounts& counts) {
  const std::string name(Describe(Reason::kRevocationNotChecked).name);
  const auto said = TextsOf(entry, "observations");
  const bool entry_says = std::ranges::find(said, name) != said.end();
  const bool relied = std::ranges::find(found, name) != found.end();
  if (relied && !entry_says) return Wrong("a revocation list was missing, and the entry hides it");
  if (entry_says) ++counts.revocation_unchecked;
  return Done{};
}

// Another instant than the entry's own is a relaxation of the test environment (design.md section
// 10).
Result<UtcTime> JudgedAt(const audit::Object& entry, CommandCounts& counts) {
  const bool elsewhen = entry.contains("judged_at");
  if (elsewhen && TextOf(entry, "environment") != "test") {
    return Wrong("it has judged_at, which only the test environment has");
  }
  const auto at = UtcTime::FromIso(TextOf(entry, elsewhen ? "judged_at" : "time"));
  if (!at) return Wrong("it has no time to be judged at");
  if (elsewhen) ++counts.judged_elsewhen;
  return *at;
}

}  // namespace

Status CheckSignedCommand(const audit::Object& entry, const Evidence& evidence,
                          const InForce& in_force, CommandCounts& counts) {
  const std::pair<std::string_view, std::string> octets[] = {
      {"command_sha256", ToHex(Sha256(evidence.command))},
      {"command_octets", std::to_string(evidence.command.size())},
      {"request_sha256", ToHex(Sha256(evidence.request))}};
  for (const auto& [name, value] : octets) {
    if (Status same = Same(name, TextOf(entry, name), value); !same) return same;
  }
  const auto judged_at = JudgedAt(entry, counts);
  if (!judged_at) return judged_at.error();

  const auto message = gbcs::Message::Parse(evidence.command);
  if (!message) return Said("the command", message.error());
  if (message->form() != gbcs::MessageForm::kSignedAndMaced) {
    return Wrong("the command is not signed and MACed");
  }
  Status ours = CheckOurSignature(entry, *message, in_force, *judged_at);
  if (!ours) return ours;
  ++counts.signatures;

  std::vector<std::string> observations;
  const auto request =
      CheckRequest(entry, evidence.request, *in_force.trust, *judged_at, observations, counts);
  if (!request) return request.error();
  const duis::HandoverRequest& content = request->content();
  const auto target =
      checks::CheckTargetCertificates(*in_force.trust, content, in_force.acb.eui64, *judged_at);
  if (!target) return Said("the certificates in the request", target.error());
  if (Status same = CheckMembers(entry, content, *target, in_force.acb.eui64); !same) return same;
  observations.insert(observations.end(), target->observations().begin(),
                      target->observations().end());
  if (Status seen = CheckObservations(entry, observations, counts); !seen) return seen;

  const auto recorded = Recorded(entry, content);
  if (!recorded) return recorded.error();
  // R-NOW-5: what was signed is DF and these octets, field by field what was requested.
  Bytes built = {0xDF};
  built.insert(built.end(), message->ToBeSigned().begin(), message->ToBeSigned().end());
  Status correlated = gbcs::CheckCorrelation(built, target->content(), *recorded);
  if (!correlated) return Said("the command against its request", correlated.error());
  return Done{};
}

}  // namespace acb::verify
