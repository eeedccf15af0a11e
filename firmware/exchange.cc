#include "firmware/exchange.h"

#include <algorithm>

#include "firmware/smki/certificate.h"

namespace acb {
namespace {

using gbcs::CraFlag;
using gbcs::CredentialsReplacementMode;
using gbcs::MessageForm;
using Carried = RoleFacts::Result;

constexpr RemotePartyRole kRoles[] = {RemotePartyRole::kSupplier,
                                      RemotePartyRole::kNetworkOperator};
constexpr std::uint8_t kOuAcb = static_cast<std::uint8_t>(RemotePartyRole::kAccessControlBroker);

bool IsOfRoles(RemotePartyRole role) { return std::ranges::find(kRoles, role) != std::end(kRoles); }

Failure Malformed(std::string why) { return Failure(Reason::kMalformed, std::move(why)); }
Failure Mismatch(std::string_view what) {
  return Failure(Reason::kObservationMismatch, "the answer has another " + std::string(what));
}

bool IsUpdate(std::uint16_t message_code) {
  constexpr auto kLastMode =
      static_cast<std::uint16_t>(CredentialsReplacementMode::kAnyByContingency);
  return message_code >= gbcs::kUpdateSecurityCredentials &&
         message_code <= gbcs::kUpdateSecurityCredentials + kLastMode;
}

Result<gbcs::Message> ParseNamed(std::string_view name, BytesView octets) {
  auto message = gbcs::Message::Parse(octets);
  if (message) return message;
  return Failure(message.error().reason, std::string(name) + ": " + message.error().explanation);
}

// Section 1: who moves cells signs, but for the ACB's own cells (mode 4).
Status CheckForm(const gbcs::Message& command) {
  if (command.header().cra != CraFlag::kCommand) return Malformed("command: it is no Command");
  if (command.form() == MessageForm::kPreCommand) {
    return Malformed("command: a Pre-Command is not what a device was sent");
  }
  if (command.header().counter > kMaxSeqNumber) {
    return Malformed("command: the Originator Counter is above 2^63-1");  // R-NOW-2
  }
  return Done{};
}

Status ReadCommandPayload(Exchange& exchange) {
  const gbcs::GroupingHeader& header = exchange.command.header();
  if (!IsUpdate(header.message_code)) return Done{};
  auto payload = gbcs::CommandPayload::Parse(exchange.command.payload());
  if (!payload) return Malformed("command: " + payload.error().explanation);
  if (Status agree = gbcs::CheckAgreement(header, *payload); !agree) {
    return Malformed("command: " + agree.error().explanation);
  }
  if (!exchange.command.signature() &&
      payload->mode != CredentialsReplacementMode::kAccessControlBrokerByAcb) {
    return Malformed("command: it has no signature");
  }
  exchange.payload = *std::move(payload);
  return Done{};
}

Status ReadOutcome(Exchange& exchange) {
  const gbcs::Message& answer = *exchange.answer;
  if (answer.header().cra == CraFlag::kAlert) {
    auto alert = gbcs::AlertPayload::Parse(answer.payload());
    if (!alert) return Malformed("alert: " + alert.error().explanation);
    if (Status agree = gbcs::CheckAgreement(answer.header(), *alert); !agree) {
      return Malformed("alert: " + agree.error().explanation);
    }
    exchange.alert_code = alert->alert_code;
    exchange.outcome = std::move(alert->outcome);
    return Done{};
  }
  auto response = gbcs::ResponsePayload::Parse(answer.payload());
  if (!response) return Malformed("response: " + response.error().explanation);
  if (Status agree = gbcs::CheckAgreement(answer.header(), *response); !agree) {
    return Malformed("response: " + agree.error().explanation);
  }
  exchange.outcome = std::move(response->outcome);
  return Done{};
}

// Sections 6.3 and 6.4.
Status CheckHeadersMatch(const gbcs::GroupingHeader& command, const gbcs::GroupingHeader& answer) {
  if (answer.originator != command.target) return Mismatch("device");
  if (answer.target != command.originator) return Mismatch("originator");
  if (answer.cra == CraFlag::kAlert) return Done{};  // its counter and code are its own
  if (answer.counter != command.counter) return Mismatch("originator counter");
  if (answer.message_code != command.message_code) return Mismatch("message code");
  return Done{};
}

Status CheckOutcomeMatches(const gbcs::CommandPayload& payload,
                           const gbcs::ExecutionOutcome& outcome) {
  if (outcome.seq_number != payload.seq_number) return Mismatch("authorisingRemotePartySeqNumber");
  if (outcome.mode != payload.mode) return Mismatch("credentialsReplacementMode");
  for (const gbcs::ReplacementOutcome& one : outcome.replacement_outcomes) {
    if (!IsOfRoles(one.cell.role)) continue;
    if (std::ranges::find(payload.replacements, one.cell, &gbcs::TrustAnchorReplacement::cell) ==
        payload.replacements.end()) {
      return Mismatch("set of cells");
    }
  }
  return Done{};
}

Status ReadAnswer(BytesView octets, Exchange& exchange) {
  auto answer = ParseNamed("response", octets);
  if (!answer) return std::move(answer).error();
  if (answer->header().cra == CraFlag::kCommand) {
    return Malformed("response: it is neither a Response nor an Alert");
  }
  if (Status match = CheckHeadersMatch(exchange.command.header(), answer->header()); !match) {
    return match;
  }
  exchange.answer = *std::move(answer);
  if (!exchange.payload) return Done{};
  if (!exchange.answer->signature()) return Malformed("response: it has no signature");
  if (Status read = ReadOutcome(exchange); !read) return read;
  if (!exchange.outcome) return Done{};
  return CheckOutcomeMatches(*exchange.payload, *exchange.outcome);
}

// Nothing for what is no certificate.
smki::CertificatePtr Parse(BytesView der) {
  auto certificate = smki::Certificate::Parse(der);
  return certificate ? *std::move(certificate) : nullptr;
}

// Section 6.3: by cell, not by position. Every outcome of the cell has to be `good`.
template <class Good>
bool AllOf(const gbcs::ExecutionOutcome& outcome, const TrustAnchorCell& cell, const Good& good) {
  bool found = false;
  for (const gbcs::ReplacementOutcome& one : outcome.replacement_outcomes) {
    if (one.cell != cell) continue;
    found = true;
    if (!good(one)) return false;
  }
  return found;
}

// R-128-15: status success, and the certificate that is there now is the one sent.
bool IsPlaced(const gbcs::TrustAnchorReplacement& sent, const gbcs::ExecutionOutcome& outcome) {
  const smki::CertificatePtr certificate = Parse(sent.certificate);
  if (!certificate) return false;
  return AllOf(outcome, sent.cell, [&](const gbcs::ReplacementOutcome& one) {
    return one.status == gbcs::StatusCode::kSuccess &&
           Equal(one.replacing_key, certificate->subject_key_identifier()) &&
           one.replacing_party == certificate->eui64();
  });
}
// The device says no, and holds what it held.
bool IsUntouched(const gbcs::TrustAnchorReplacement& sent, const gbcs::ExecutionOutcome& outcome) {
  return AllOf(outcome, sent.cell, [](const gbcs::ReplacementOutcome& one) {
    return one.status != gbcs::StatusCode::kSuccess && one.replacing_key == one.existing_key &&
           one.replacing_party == one.existing_party;
  });
}

std::vector<gbcs::TrustAnchorReplacement> SentFor(const Exchange& exchange, RemotePartyRole role) {
  std::vector<gbcs::TrustAnchorReplacement> sent;
  if (!exchange.payload) return sent;
  std::ranges::copy_if(
      exchange.payload->replacements, std::back_inserter(sent),
      [role](const gbcs::TrustAnchorReplacement& one) { return one.cell.role == role; });
  return sent;
}

bool IsAcbs(const smki::Certificate& certificate, const AcbIdentity& acb) {
  return certificate.ou_role() == kOuAcb || certificate.eui64() == acb.eui64;
}

// A handover signs with this box's key, so the cell must hold its certificate.
bool HasOurKey(const smki::Certificate& certificate, KeyUsage usage, const AcbIdentity& acb) {
  const auto point = certificate.public_point();
  return certificate.eui64() == acb.eui64 && certificate.ou_role() == kOuAcb &&
         point == (usage == KeyUsage::kKeyAgreement ? acb.key_agreement : acb.digital_signing);
}

struct Owner {
  CellState::Holder holder = CellState::Holder::kUnknown;
  Eui64 party{0};
  std::string doubt;
  friend bool operator==(const Owner&, const Owner&) = default;
};

Owner OwnerOf(const gbcs::TrustAnchorReplacement& sent, const AcbIdentity& acb) {
  using Holder = CellState::Holder;
  const smki::CertificatePtr certificate = Parse(sent.certificate);
  if (!certificate || !certificate->eui64()) {
    return {Holder::kUnknown, Eui64(0), "a certificate that names no party was sent"};
  }
  if (!IsAcbs(*certificate, acb)) return {Holder::kParty, *certificate->eui64(), {}};
  if (HasOurKey(*certificate, sent.cell.key_usage, acb)) return {Holder::kAcb, Eui64(0), {}};
  return {Holder::kUnknown, Eui64(0),
          "the certificate is the Access Control Broker's, of a key that this box does not have"};
}

Owner OwnerOfAll(const std::vector<gbcs::TrustAnchorReplacement>& sent, const AcbIdentity& acb) {
  const Owner first = OwnerOf(sent.front(), acb);
  for (const gbcs::TrustAnchorReplacement& one : sent) {
    const Owner owner = OwnerOf(one, acb);
    if (owner == first) continue;
    return {CellState::Holder::kUnknown, Eui64(0), "the certificates sent are not of one party"};
  }
  return first;
}

Carried ResultOf(const std::vector<gbcs::TrustAnchorReplacement>& sent,
                 const gbcs::ExecutionOutcome& outcome) {
  const auto placed = [&](const auto& one) { return IsPlaced(one, outcome); };
  const auto untouched = [&](const auto& one) { return IsUntouched(one, outcome); };
  if (std::ranges::all_of(sent, placed)) return Carried::kSuccess;
  if (std::ranges::all_of(sent, untouched)) return Carried::kFailed;
  return Carried::kPartial;
}

std::optional<std::uint64_t> GreatestOf(const std::vector<gbcs::SeqNumberChange>& changes,
                                        RemotePartyRole role) {
  std::optional<std::uint64_t> greatest;
  for (const gbcs::SeqNumberChange& change : changes) {
    if (change.role == role) greatest = std::max(greatest, std::optional(change.floor.value()));
  }
  return greatest;
}

// [4] is for the role whose cell authorises, [6] names the others.
std::optional<std::uint64_t> CommandedFloor(const gbcs::CommandPayload& payload,
                                            RemotePartyRole role) {
  auto greatest = GreatestOf(payload.other_changes, role);
  if (payload.floor && payload.authorising_cell && payload.authorising_cell->role == role) {
    greatest = std::max(greatest, std::optional(payload.floor->value()));
  }
  return greatest;
}

std::vector<Eui64> ExistingHolders(const gbcs::ExecutionOutcome& outcome, RemotePartyRole role) {
  std::vector<Eui64> holders;
  for (const gbcs::ReplacementOutcome& one : outcome.replacement_outcomes) {
    if (one.cell.role != role) continue;
    if (std::ranges::find(holders, one.existing_party) == holders.end()) {
      holders.push_back(one.existing_party);
    }
  }
  return holders;
}

std::optional<RoleFacts> FactsOfRole(const Exchange& exchange, RemotePartyRole role,
                                     const AcbIdentity& acb) {
  const gbcs::ExecutionOutcome& outcome = *exchange.outcome;
  RoleFacts facts;
  facts.role = role;
  facts.reported = GreatestOf(outcome.seq_number_changes, role);
  const auto sent = SentFor(exchange, role);
  if (sent.empty()) {
    if (!facts.reported) return std::nullopt;
    facts.floor = *facts.reported;
    return facts;
  }
  facts.result = ResultOf(sent, outcome);
  Owner owner = OwnerOfAll(sent, acb);
  facts.placed = owner.holder;
  facts.party = owner.party;
  facts.doubt = std::move(owner.doubt);
  facts.existing = ExistingHolders(outcome, role);
  facts.floor = std::max({exchange.payload->seq_number, facts.reported.value_or(0),
                          CommandedFloor(*exchange.payload, role).value_or(0)});
  return facts;
}

}  // namespace

ObservedStage Exchange::stage() const {
  if (!payload) return ObservedStage::kOther;
  if (!answer) return ObservedStage::kNoAnswer;
  if (outcome) return ObservedStage::kExecuted;
  return payload->IsCancellation() ? ObservedStage::kCancelled : ObservedStage::kPending;
}

Result<Exchange> ReadExchange(BytesView command, BytesView answer) {
  auto parsed = ParseNamed("command", command);
  if (!parsed) return std::move(parsed).error();
  if (Status form = CheckForm(*parsed); !form) return std::move(form).error();
  Exchange exchange{
      .command = *std::move(parsed), .payload = {}, .answer = {}, .outcome = {}, .alert_code = {}};
  if (Status read = ReadCommandPayload(exchange); !read) return std::move(read).error();
  if (answer.empty()) return exchange;
  if (Status read = ReadAnswer(answer, exchange); !read) return std::move(read).error();
  return exchange;
}

Result<AnsweredCommand> ReadAnsweredCommand(BytesView answer) {
  const auto message = ParseNamed("response", answer);
  if (!message) return message.error();
  const gbcs::GroupingHeader& header = message->header();
  AnsweredCommand found{header.originator, header.target, header.counter};
  if (header.cra == CraFlag::kCommand) {
    return Malformed("response: it is neither a Response nor an Alert");
  }
  if (header.cra == CraFlag::kResponse) return found;
  const auto alert = gbcs::AlertPayload::Parse(message->payload());
  if (!alert) return Malformed("alert: " + alert.error().explanation);
  found.counter = alert->outcome.seq_number;
  return found;
}

std::vector<RoleFacts> FactsOf(const Exchange& exchange, const AcbIdentity& acb) {
  std::vector<RoleFacts> facts;
  if (!exchange.payload || !exchange.outcome) return facts;
  for (const RemotePartyRole role : kRoles) {
    if (auto of_role = FactsOfRole(exchange, role, acb)) facts.push_back(*std::move(of_role));
  }
  return facts;
}

bool SendsAcbCertificate(const Exchange& exchange, RemotePartyRole role, const AcbIdentity& acb) {
  return std::ranges::any_of(SentFor(exchange, role), [&](const auto& one) {
    const smki::CertificatePtr certificate = Parse(one.certificate);
    return certificate && IsAcbs(*certificate, acb);
  });
}

std::vector<Eui64> PartiesSent(const Exchange& exchange, RemotePartyRole role) {
  std::vector<Eui64> parties;
  for (const auto& one : SentFor(exchange, role)) {
    const smki::CertificatePtr certificate = Parse(one.certificate);
    if (!certificate || !certificate->eui64()) continue;
    if (std::ranges::find(parties, *certificate->eui64()) == parties.end()) {
      parties.push_back(*certificate->eui64());
    }
  }
  return parties;
}

}  // namespace acb
