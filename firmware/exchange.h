// Reads a command that was observed and the device's answer to it: parses both, sees that they
// belong together, and says what the device reports for each role.
//
// Source: gbcs-cs02b.md sections 3, 4 and 6. Thread-safe; nothing blocks.
#pragma once

#include <optional>

#include "firmware/gbcs/message.h"
#include "firmware/gbcs/payload.h"
#include "firmware/observation.h"

namespace acb {

// Views into the octets it was read from, which must outlive it.
struct Exchange {
  gbcs::Message command;
  std::optional<gbcs::CommandPayload> payload;  // nothing: another use case than CS02b
  std::optional<gbcs::Message> answer;
  std::optional<gbcs::ExecutionOutcome> outcome;
  std::optional<std::uint32_t> alert_code;  // the outcome came in an alert
  std::optional<UtcTime> executed_at;       // as that alert says

  ObservedStage stage() const;
};

// `answer` may be empty. Fails with
//   kMalformed            a message or its payload does not parse, says two things of itself, is
//   not
//                         what it should be (a Pre-Command, a Response for a Command), or has no
//                         signature where the use case asks for one.
//   kObservationMismatch  the answer is not that of the command: device, originator, counter,
//                         message code, authorisingRemotePartySeqNumber or mode differ (6.3, 6.4),
//                         or it reports a cell of a supplier or network operator that the command
//                         does not replace.
Result<Exchange> ReadExchange(BytesView command, BytesView answer);

// Under which device, originator and counter the command of an answer is kept: of a Response by its
// header, of an Alert by its outcome.
struct AnsweredCommand {
  Eui64 device{0};
  Eui64 originator{0};
  std::uint64_t counter = 0;
};
Result<AnsweredCommand> ReadAnsweredCommand(BytesView answer);

// The ACB as this box knows it.
struct AcbIdentity {
  struct Pair {
    PublicPoint digital_signing{};
    PublicPoint key_agreement{};
    AcbKeyId id{};
  };
  Eui64 eui64{0};
  std::vector<Pair> pairs;  // one, and another one while keys are changed
};

// One for supplier and network operator each, where the exchange says something of them. Empty
// without an outcome.
std::vector<RoleFacts> FactsOf(const Exchange& exchange, const AcbIdentity& acb);

// A certificate of role ACB (OU 04) or of this ACB's EUI-64 is sent for a cell of the role.
bool SendsAcbCertificate(const Exchange& exchange, RemotePartyRole role, const AcbIdentity& acb);

// Of supplier and network operator those whose cells the command replaces.
std::vector<RemotePartyRole> RolesSent(const Exchange& exchange);

// EUI-64s in the certificates that are sent for cells of the role, each once.
std::vector<Eui64> PartiesSent(const Exchange& exchange, RemotePartyRole role);

}  // namespace acb
