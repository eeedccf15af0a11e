#include "firmware/exchange.h"

#include <algorithm>

namespace acb {
namespace {

using gbcs::CraFlag;
using gbcs::CredentialsReplacementMode;
using gbcs::MessageForm;

// The roles whose cells are kept.
bool IsOfRoles(RemotePartyRole role) {
  return role == RemotePartyRole::kSupplier || role == RemotePartyRole::kNetworkOperator;
}

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

// Mode 4 may come without a signature (section 1), so it must not reach a cell of anybody else.
Status CheckRoles(const gbcs::CommandPayload& payload) {
  constexpr auto kAcbRole = RemotePartyRole::kAccessControlBroker;
  if (payload.mode != CredentialsReplacementMode::kAccessControlBrokerByAcb) return Done{};
  const auto is_acbs = [](const auto& one) { return one.cell.role == kAcbRole; };
  if (std::ranges::all_of(payload.replacements, is_acbs)) return Done{};
  return Malformed("command: mode 4 replaces a cell that is not the Access Control Broker's");
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
  if (Status roles = CheckRoles(*payload); !roles) return roles;
  exchange.payload = *std::move(payload);
  return Done{};
}

// Section 6.4.
Result<gbcs::AlertPayload> ParseAlert(BytesView octets) {
  constexpr std::uint32_t kExecuted = 0x8F66, kFailed = 0x8F67;
  auto alert = gbcs::AlertPayload::Parse(octets);
  if (!alert) return Malformed("alert: " + alert.error().explanation);
  if (alert->alert_code == kExecuted || alert->alert_code == kFailed) return alert;
  return Malformed("alert: its code is not that of a future dated command's outcome");
}

Status ReadOutcome(Exchange& exchange) {
  const gbcs::Message& answer = *exchange.answer;
  if (answer.header().cra == CraFlag::kAlert) {
    auto alert = ParseAlert(answer.payload());
    if (!alert) return std::move(alert).error();
    if (Status agree = gbcs::CheckAgreement(answer.header(), *alert); !agree) {
      return Malformed("alert: " + agree.error().explanation);
    }
    exchange.alert_code = alert->alert_code;
    exchange.executed_at = alert->execution_date_time;
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
  Exchange exchange{.command = *std::move(parsed),
                    .payload = {},
                    .answer = {},
                    .outcome = {},
                    .alert_code = {},
                    .executed_at = {}};
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
  const auto alert = ParseAlert(message->payload());
  if (!alert) return alert.error();
  found.counter = alert->outcome.seq_number;
  return found;
}

}  // namespace acb
