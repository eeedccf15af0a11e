#include "firmware/observer.h"

#include <algorithm>

#include "firmware/checks/eligibility.h"
#include "firmware/checks/registration.h"
#include "firmware/duis/response.h"
#include "firmware/gbcs/mac.h"
#include "firmware/rules.h"
#include "firmware/smets1/proxy.h"

namespace acb {
namespace {

using gbcs::CredentialsReplacementMode;

constexpr auto kSupplier = RemotePartyRole::kSupplier;
constexpr auto kNetworkOperator = RemotePartyRole::kNetworkOperator;

void Add(std::vector<std::string>& names, std::string_view name) {
  if (std::ranges::find(names, name) == names.end()) names.emplace_back(name);
}
void Observe(Observation& seen, Reason reason) { Add(seen.observations, Describe(reason).name); }

AcbIdentity IdentityOf(const ObserverSettings& settings) {
  AcbIdentity identity;
  identity.eui64 = settings.acb.eui64;
  const auto add = [&](const checks::AcbCertificates& acb) {
    identity.pairs.push_back({acb.digital_signing->public_point().value_or(PublicPoint{}),
                              acb.key_agreement->public_point().value_or(PublicPoint{}),
                              acb.key_id});
  };
  add(settings.acb);
  for (const checks::AcbCertificates& acb : settings.later) add(acb);
  return identity;
}

bool IsSignedBy(const gbcs::Message& message, const PublicPoint& key) {
  return gbcs::VerifySignature(message.ToBeSigned(), *message.signature(), key);
}

bool IsFrom615(const Exchange& exchange, CredentialsReplacementMode mode, const Observation& seen) {
  return exchange.payload && exchange.payload->mode == mode && !seen.by_acb();
}

// R-107-2, R-107-4: each failed test by name, and what cannot be undone.
Status NoteSmets1(const Exchange& exchange, const Records& records, const Device& device,
                  Observation& seen) {
  const auto parties = PartiesSent(exchange, kNetworkOperator);
  const auto finding = smets1::EvaluateUpdate(records, device, seen.originator, parties, seen.at());
  if (!finding) return finding.error();
  if (!finding->has_value()) return Done{};
  audit::List failed;
  for (const smets1::FailedTest& test : (*finding)->failed) {
    audit::Object one{{"test", smets1::Name(test.test)}, {"why", test.why}};
    failed.emplace_back(std::move(one));
  }
  seen.entry.Set("smets1", audit::Object{{"passes", (*finding)->passes()},
                                         {"sender_party", (*finding)->sender_party},
                                         {"registered_party", (*finding)->registered_party},
                                         {"failed", std::move(failed)}});
  for (const std::string& name : (*finding)->observations) {
    Add(seen.observations, name);
    Add(seen.alarms, name);
  }
  return Done{};
}

// Short name of the User as supplier; empty when the register does not have it so.
Result<std::string> SupplierParty(const Records& records, Eui64 user, UtcTime at) {
  const auto rows = records.FindUser(user);
  if (!rows) return rows.error();
  for (const PartyRecord& row : *rows) {
    if (row.InForce(at) && checks::IsSupplierRole(row.role)) return row.party;
  }
  return std::string();
}

// R-NOW-10: the check that a handover has to pass, recorded and counted, never in the way.
Status NoteRegistration(const Exchange& exchange, const Records& records,
                        const checks::Policy& policy, const Device& device, Observation& seen) {
  const auto requester = SupplierParty(records, seen.originator, seen.at());
  if (!requester) return requester.error();
  audit::List findings;
  for (const RemotePartyRole role : {kSupplier, kNetworkOperator}) {
    for (const Eui64 party : PartiesSent(exchange, role)) {
      if (party == seen.acb) continue;
      checks::RegistrationFinding found;
      const Status check = checks::CheckRegistration(records, policy, device, role, party,
                                                     *requester, seen.at(), seen.at(), found);
      for (const std::string& name : found.observations) Add(seen.observations, name);
      if (check) continue;
      if (Describe(check.error().reason).kind != ReasonKind::kRefusal) return check;
      Observe(seen, check.error().reason);
      audit::Object one{{"role", Name(role)},
                        {"party", party.Hyphenated()},
                        {"reason", Describe(check.error().reason).name}};
      findings.emplace_back(std::move(one));
    }
  }
  if (!findings.empty()) seen.entry.Set("registration", std::move(findings));
  return Done{};
}

std::string StageText(const Exchange& exchange) {
  if (exchange.alert_code) return "alert";
  return std::string(Name(exchange.stage()));
}

std::string HexNumber(std::uint32_t number, int digits) {
  std::string hex = ToHex(ByteWriter().U32(number).bytes());
  return hex.substr(hex.size() - static_cast<std::size_t>(digits));
}

// What the headers say, and what of the entry comes from the messages.
void Describe(const Exchange& exchange, Observation& seen) {
  const gbcs::GroupingHeader& header = exchange.command.header();
  seen.stage = exchange.stage();
  seen.device = header.target;
  seen.originator = header.originator;
  seen.counter = header.counter;
  seen.message_code = header.message_code;
  seen.entry.Set("observed", StageText(exchange));
  seen.executed_at = exchange.executed_at;
  if (exchange.payload) {
    if (!exchange.payload->IsCancellation())
      seen.executes_at = exchange.payload->execution_date_time;
    seen.replaces = RolesSent(exchange);
    seen.entry.Set("mode", std::to_string(static_cast<unsigned>(exchange.payload->mode)));
  }
  if (exchange.alert_code) seen.entry.Set("alert_code", HexNumber(*exchange.alert_code, 4));
}

// What is kept as evidence under this name must not be able to vouch for a command of the ACB.
Status CheckIsXml(BytesView service_request, const duis::ParseLimits& limits) {
  if (service_request.empty()) return Done{};
  if (service_request.size() > limits.octets) {
    return Failure(Reason::kMalformed, "service_request: it is longer than a DUIS request may be");
  }
  const std::string_view text = AsText(service_request);
  const std::size_t start = text.find_first_not_of(" \t\r\n");
  if (start != std::string_view::npos && text[start] == '<') return Done{};
  return Failure(Reason::kMalformed, "service_request: it is no XML");
}

}  // namespace

// What was learned of one observation.
struct Observer::Case {
  explicit Case(UtcTime at) : seen(at) {}

  Observation seen;
  bool has_parties = false;  // device and originator could be read
  std::string request_id;
};

Observer::Observer(ObserverPorts ports, ObserverSettings settings)
    : ports_(ports), settings_(std::move(settings)), acb_(IdentityOf(settings_)) {}

// gbcs-cs02b.md 5.4: the octets after DF to the end of the payload, by the originator's key.
Status Observer::CheckSignatures(const Exchange& exchange, Observation& seen) const {
  auto signers = ports_.trust.Current()->SigningCertificatesOf(seen.originator);
  if (seen.by_acb()) {
    signers.push_back(settings_.acb.digital_signing);
    for (const checks::AcbCertificates& acb : settings_.later) {
      signers.push_back(acb.digital_signing);
    }
  }
  const auto made_it = [&](const smki::CertificatePtr& signer) {
    const auto key = signer->public_point();
    return key && IsSignedBy(exchange.command, *key);
  };
  if (signers.empty() || !exchange.command.signature()) {
    Observe(seen, Reason::kSignatureNotChecked);
  } else if (std::ranges::none_of(signers, made_it)) {
    return Failure(
        Reason::kSignatureInvalid,
        "command: no certificate held of " + seen.originator.Hyphenated() + " made its signature");
  }
  if (!exchange.answer) return Done{};
  const auto device = ports_.observations.FindDeviceSigningKey(seen.device);
  if (!device) return device.error();
  if (!device->has_value() || !exchange.answer->signature()) {
    Observe(seen, Reason::kSignatureNotChecked);
  } else if (!IsSignedBy(*exchange.answer, **device)) {
    return Failure(Reason::kSignatureInvalid,
                   "response: the device's digital signing key did not "
                   "make its signature");
  }
  return Done{};
}

Status Observer::NoteFindings(const Exchange& exchange, const Records& records,
                              Observation& seen) const {
  const auto device = records.FindDevice(seen.device);
  if (!device) return device.error();
  if (!device->has_value()) return Failure(Reason::kDeviceUnknown);
  seen.entry.Set("device_type", Name((*device)->type));
  if (IsFrom615(exchange, CredentialsReplacementMode::kNetworkOperatorByNetworkOperator, seen)) {
    // R-128-11. On an ESME it is an electricity network operator; the same rules hold.
    if (SendsAcbCertificate(exchange, kNetworkOperator, acb_)) Observe(seen, Reason::kGnoToAcb);
    return NoteSmets1(exchange, records, **device, seen);
  }
  if (IsFrom615(exchange, CredentialsReplacementMode::kSupplierBySupplier, seen) &&
      (*device)->type == DeviceType::kEsme) {
    return NoteRegistration(exchange, records, settings_.policy, **device, seen);
  }
  return Done{};
}

// R-128-14: recorded with its RequestID. That of a 6.15.1 is in the command itself (gbcs-cs02b.md
// 4.4); that of a 6.21 only in the service request.
Status Observer::CheckServiceRequest(BytesView service_request, Case& found) const {
  const Observation& seen = found.seen;
  const RequestId in_command{seen.originator, seen.device, seen.counter};
  if (!seen.by_acb()) found.request_id = in_command.Text();
  if (service_request.empty()) return Done{};
  const duis::Echo echo = duis::ReadEcho(service_request, settings_.parse);
  const auto request = echo.request_id ? RequestId::FromText(*echo.request_id) : std::nullopt;
  if (!request) return Done{};
  found.request_id = request->Text();
  const bool fits = seen.by_acb() ? request->target == seen.device : *request == in_command;
  if (fits) return Done{};
  return Failure(Reason::kObservationMismatch,
                 "the service request's RequestID " + found.request_id + " is not the command's");
}

// As posted; of an answer alone, the one that was kept for it.
Result<Bytes> Observer::CommandOf(const IncomingObservation& incoming) const {
  if (!incoming.command.empty()) return ToBytes(incoming.command);
  if (incoming.response.empty()) {
    return Failure(Reason::kMalformed, "a command or a response is needed");
  }
  const auto asked = ReadAnsweredCommand(incoming.response);
  if (!asked) return asked.error();
  auto kept =
      ports_.observations.FindPendingCommand(asked->device, asked->originator, asked->counter);
  if (!kept) return std::move(kept).error();
  if (kept->has_value()) return **std::move(kept);
  return Failure(Reason::kObservationMismatch,
                 "no command of this device, originator and counter waits for its outcome");
}

Status Observer::Read(const IncomingObservation& incoming, Case& found) const {
  if (Status xml = CheckIsXml(incoming.service_request, settings_.parse); !xml) return xml;
  auto command = CommandOf(incoming);
  if (!command) return std::move(command).error();
  Observation& seen = found.seen;
  seen.command = *std::move(command);
  seen.response = ToBytes(incoming.response);
  seen.service_request = ToBytes(incoming.service_request);
  const auto exchange = ReadExchange(seen.command, seen.response);
  if (!exchange) return exchange.error();
  found.has_parties = true;
  Describe(*exchange, seen);
  // What neither updates credentials nor bears the ACB's counter is nothing to this box.
  if (!exchange->payload && !seen.by_acb()) {
    return Failure(Reason::kMalformed,
                   "command: message code " + HexNumber(seen.message_code, 4) +
                       " does not update credentials, and its originator is not the ACB");
  }
  if (Status fits = CheckServiceRequest(incoming.service_request, found); !fits) return fits;
  auto records = ports_.records.Open();
  if (!records) return std::move(records).error();
  if (Status noted = NoteFindings(*exchange, **records, seen); !noted) return noted;
  records->reset();  // a reader that stays open makes the store grow
  if (Status good = CheckSignatures(*exchange, seen); !good) return good;
  seen.roles = FactsOf(*exchange, acb_);
  return Done{};
}

ObservationAnswer Observer::Handle(const IncomingObservation& incoming) const {
  Case found(ports_.clock.Now());
  found.seen.acb = acb_.eui64;
  found.seen.entry.Set("client", incoming.client);
  found.seen.entry.Set("rules", kRuleSetVersion);
  if (Status read = Read(incoming, found); !read) {
    return Decline(incoming, std::move(found), std::move(read).error());
  }
  if (!found.request_id.empty()) found.seen.entry.Set("request_id", found.request_id);

  // Above this line nothing changes state.

  auto recorded = ports_.observations.Record(found.seen);
  if (!recorded) return Decline(incoming, std::move(found), std::move(recorded).error());
  ObservationAnswer answer;
  answer.audit = recorded->receipt;
  answer.recorded = *std::move(recorded);
  answer.seen = std::move(found.seen);
  answer.request_id = std::move(found.request_id);
  return answer;
}

// Recorded, then answered (P4). A fault leaves nothing but the message to be sent again.
ObservationAnswer Observer::Decline(const IncomingObservation& incoming, Case found,
                                    Failure why) const {
  ObservationAnswer answer;
  answer.request_id = found.request_id;
  const ReasonInfo& info = Describe(why.reason);
  if (info.kind != ReasonKind::kRefusal) {
    answer.failure = std::move(why);
    return answer;
  }
  audit::Entry entry("refused", found.seen.at());
  entry.Set("what", "observation")
      .Set("reason", info.name)
      .Set("final", false)
      .SealIfAny("explanation", why.explanation)
      .Set("client", incoming.client)
      .Set("rules", kRuleSetVersion);
  if (found.has_parties) {
    entry.Set("device", found.seen.device.Hyphenated())
        .Set("originator", found.seen.originator.Hyphenated())
        .Set("originator_counter", std::to_string(found.seen.counter));
  }
  if (!incoming.command.empty()) entry.Set("command_sha256", ToHex(Sha256(incoming.command)));
  if (!incoming.response.empty()) entry.Set("response_sha256", ToHex(Sha256(incoming.response)));
  const auto receipt = ports_.log.Append(entry);
  if (!receipt) {
    answer.failure = receipt.error();
    return answer;
  }
  answer.audit = *receipt;
  answer.failure = std::move(why);
  return answer;
}

}  // namespace acb
