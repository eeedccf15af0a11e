#include "firmware/gbcs/payload.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "firmware/gbcs/der_reader.h"

namespace acb::gbcs {
namespace {

constexpr std::uint8_t kInteger = 0x02;
constexpr std::uint8_t kBitString = 0x03;
constexpr std::uint8_t kOctetString = 0x04;
constexpr std::uint8_t kNull = 0x05;
constexpr std::uint8_t kEnumerated = 0x0A;
constexpr std::uint8_t kGeneralizedTime = 0x18;
constexpr std::uint8_t kSequence = 0x30;
// IMPLICIT tags of AuthorisingRemotePartyControl: primitive where the type is, else constructed.
constexpr std::uint8_t kPlaintextSymmetricKey = 0x80;
constexpr std::uint8_t kApplyTimeBasedCpvChecks = 0x81;
constexpr std::uint8_t kAuthorisingCell = 0xA2;
constexpr std::uint8_t kAuthorisingSeqNumber = 0x83;
constexpr std::uint8_t kNewFloor = 0x84;
constexpr std::uint8_t kNewSpecialistFloor = 0xA5;
constexpr std::uint8_t kOtherChanges = 0xA6;

constexpr std::uint64_t kMaxMode = 9;
constexpr std::uint64_t kMaxAlertCode = 4294967295;
constexpr std::size_t kMaxSymmetricKeyOctets = 64;
constexpr std::size_t kEuiOctets = 8;

FloorSeqNumber ReadFloor(DerReader& from, std::uint8_t tag, std::string_view element) {
  return *FloorSeqNumber::From(from.Unsigned(tag, kMaxSeqNumber, element));
}

CredentialsReplacementMode ReadMode(DerReader& from) {
  return static_cast<CredentialsReplacementMode>(
      from.Unsigned(kInteger, kMaxMode, "credentialsReplacementMode"));
}

RemotePartyRole ReadRole(DerReader& from, std::string_view element) {
  constexpr std::uint64_t kLastNumbered =
      static_cast<std::uint64_t>(RemotePartyRole::kLoadController);
  constexpr std::uint64_t kOther = static_cast<std::uint64_t>(RemotePartyRole::kOther);
  const std::uint64_t role = from.Unsigned(kInteger, kOther, element);
  if (role > kLastNumbered && role != kOther) from.Refuse(element, "unknown role");
  return static_cast<RemotePartyRole>(role);
}

KeyUsage ReadKeyUsage(DerReader& from) {
  const BytesView bits = from.Content(kBitString, "trustAnchorCellKeyUsage");
  // Unused bits, then the named bits, trailing zeros cut (X.690 11.2.2): one encoding for each
  // usage.
  constexpr std::array<std::uint8_t, 2> kSign = {0x07, 0x80};
  constexpr std::array<std::uint8_t, 2> kAgree = {0x03, 0x08};
  constexpr std::array<std::uint8_t, 2> kCertSign = {0x02, 0x04};
  if (Equal(bits, kSign)) return KeyUsage::kDigitalSignature;
  if (Equal(bits, kAgree)) return KeyUsage::kKeyAgreement;
  if (Equal(bits, kCertSign)) return KeyUsage::kKeyCertSign;
  from.Refuse("trustAnchorCellKeyUsage", "not the key usage of a cell");
  return KeyUsage::kDigitalSignature;
}

// TrustAnchorCellIdentifier, SEQUENCE or IMPLICIT [2].
TrustAnchorCell ReadCell(DerReader& from, std::uint8_t tag, std::string_view element) {
  DerReader inside = from.Enter(tag, element);
  TrustAnchorCell cell{ReadRole(inside, "trustAnchorCellRemotePartyRole"), ReadKeyUsage(inside)};
  if (inside.More()) {
    // DEFAULT management is left out in DER: what is there can only be the other value.
    if (inside.Unsigned(kInteger, 1, "trustAnchorCellUsage") == 0) {
      inside.Refuse("trustAnchorCellUsage", "DEFAULT value encoded");
    }
    cell.cell_usage = CellUsage::kPrepaymentTopUp;
  }
  inside.End(element);
  return cell;
}

// SEQUENCE OF SpecialistSeqNumber. The only usage is prepaymentTopUp(0), so a second entry could
// only contradict the first.
FloorSeqNumber ReadSpecialistFloor(DerReader& from, std::uint8_t tag) {
  constexpr std::string_view kElement = "newRemotePartySpecialistFloorSeqNumber";
  DerReader list = from.Enter(tag, kElement);
  DerReader entry = list.Enter(kSequence, kElement);
  entry.Unsigned(kInteger, 0, "seqNumberUsage");
  const FloorSeqNumber floor = ReadFloor(entry, kInteger, "seqNumber");
  entry.End(kElement);
  list.End(kElement);
  return floor;
}

std::vector<SeqNumberChange> ReadChanges(DerReader& from, std::uint8_t tag,
                                         std::string_view element) {
  std::vector<SeqNumberChange> changes;
  DerReader list = from.Enter(tag, element);
  while (list.More() && changes.size() < kMaxSeqNumberChanges) {
    DerReader entry = list.Enter(kSequence, element);
    SeqNumberChange change;
    change.role = ReadRole(entry, "otherRemotePartyRole");
    change.floor = ReadFloor(entry, kInteger, "otherRemotePartyFloorSeqNumber");
    // Universal tag 30 here, not [5] (section 12, trap 5).
    if (entry.More()) change.prepayment_top_up_floor = ReadSpecialistFloor(entry, kSequence);
    entry.End(element);
    changes.push_back(change);
  }
  list.End(element);
  return changes;
}

UtcTime ReadTime(DerReader& from) {
  constexpr std::string_view kElement = "executionDateTime";
  const std::string_view text = AsText(from.Content(kGeneralizedTime, kElement));
  std::optional<UtcTime> time;
  // YYYYMMDDHHMMSSZ and no other of the many forms of X.680; UtcTime checks the digits and the
  // ranges.
  constexpr std::size_t kLength = 4 + 2 + 2 + 2 + 2 + 2 + 1;
  if (text.size() == kLength) {
    std::string iso(text);
    for (const auto& [position, separator] :
         {std::pair(12, ':'), std::pair(10, ':'), std::pair(8, 'T'), std::pair(6, '-'),
          std::pair(4, '-')}) {
      iso.insert(static_cast<std::size_t>(position), 1, separator);
    }
    const bool end_of_day = text.substr(8, 2) == "24";  // XML's, and not DER's
    if (!end_of_day) time = UtcTime::FromIso(iso);
  }
  if (!time) from.Refuse(kElement, "not YYYYMMDDHHMMSSZ");
  return time.value_or(UtcTime(0));
}

void ReadControl(DerReader& from, CommandPayload& payload) {
  constexpr std::string_view kElement = "authorisingRemotePartyControl";
  DerReader control = from.Enter(kSequence, kElement);
  payload.mode = ReadMode(control);
  if (control.NextIs(kPlaintextSymmetricKey)) {
    const BytesView key = control.Content(kPlaintextSymmetricKey, "plaintextSymmetricKey");
    if (key.size() > kMaxSymmetricKeyOctets) control.Refuse("plaintextSymmetricKey", "too long");
    payload.plaintext_symmetric_key = key;
  }
  if (control.NextIs(kApplyTimeBasedCpvChecks)) {
    constexpr std::string_view kName = "applyTimeBasedCPVChecks";
    // apply(0) is the DEFAULT and left out; only disapply(1) is ever written.
    if (control.Unsigned(kApplyTimeBasedCpvChecks, 1, kName) == 0) {
      control.Refuse(kName, "DEFAULT value encoded");
    }
    payload.apply_time_based_cpv_checks = false;
  }
  if (control.NextIs(kAuthorisingCell)) {
    payload.authorising_cell =
        ReadCell(control, kAuthorisingCell, "authorisingRemotePartyTACellIdentifier");
  }
  payload.seq_number =
      control.Unsigned(kAuthorisingSeqNumber, kMaxSeqNumber, "authorisingRemotePartySeqNumber");
  if (control.NextIs(kNewFloor)) {
    payload.floor = ReadFloor(control, kNewFloor, "newRemotePartyFloorSeqNumber");
  }
  if (control.NextIs(kNewSpecialistFloor)) {
    payload.prepayment_top_up_floor = ReadSpecialistFloor(control, kNewSpecialistFloor);
  }
  if (control.NextIs(kOtherChanges)) {
    payload.other_changes = ReadChanges(control, kOtherChanges, "otherRemotePartySeqNumberChanges");
  }
  control.End(kElement);
}

void ReadReplacements(DerReader& from, CommandPayload& payload) {
  constexpr std::string_view kElement = "replacements";
  DerReader list = from.Enter(kSequence, kElement);
  while (list.More() && payload.replacements.size() < kMaxCells) {
    DerReader entry = list.Enter(kSequence, kElement);
    const BytesView certificate = entry.Whole(kSequence, "replacementCertificate");
    payload.replacements.push_back(
        {certificate, ReadCell(entry, kSequence, "targetTrustAnchorCell")});
    entry.End(kElement);
  }
  list.End(kElement);
}

void ReadPath(DerReader& from, CommandPayload& payload) {
  constexpr std::string_view kElement = "certificationPathCertificates";
  DerReader list = from.Enter(kSequence, kElement);
  while (list.More() && payload.certification_path.size() < kMaxPathCertificates) {
    payload.certification_path.push_back(list.Whole(kSequence, kElement));
  }
  list.End(kElement);
}

StatusCode ReadStatus(DerReader& from) {
  const auto status = static_cast<StatusCode>(from.Unsigned(kEnumerated, 127, "statusCode"));
  switch (status) {
    case StatusCode::kSuccess:
    case StatusCode::kBadCertificate:
    case StatusCode::kNoTrustAnchor:
    case StatusCode::kInsufficientMemory:
    case StatusCode::kTrustAnchorNotFound:
    case StatusCode::kResourcesBusy:
    case StatusCode::kOther:
      return status;
  }
  from.Refuse("statusCode", "unknown");
  return StatusCode::kOther;
}

std::array<std::uint8_t, kEuiOctets> ReadIdentifier(DerReader& from, std::string_view element) {
  std::array<std::uint8_t, kEuiOctets> identifier{};
  const BytesView content = from.Content(kOctetString, element);
  if (content.size() == identifier.size()) {
    std::ranges::copy(content, identifier.begin());
  } else {
    from.Refuse(element, "not 8 octets");
  }
  return identifier;
}

Eui64 ReadEui64(DerReader& from, std::string_view element) {
  return *Eui64::FromOctets(ReadIdentifier(from, element));
}

ReplacementOutcome ReadReplacementOutcome(DerReader& from) {
  DerReader entry = from.Enter(kSequence, "ReplacementOutcome");
  ReplacementOutcome outcome;
  outcome.cell = ReadCell(entry, kSequence, "affectedTrustAnchorCell");
  outcome.status = ReadStatus(entry);
  outcome.existing_party = ReadEui64(entry, "existingSubjectUniqueID");
  outcome.existing_key = ReadIdentifier(entry, "existingSubjectKeyIdentifier");
  outcome.replacing_party = ReadEui64(entry, "replacingSubjectUniqueID");
  outcome.replacing_key = ReadIdentifier(entry, "replacingSubjectKeyIdentifier");
  entry.End("ReplacementOutcome");
  return outcome;
}

ExecutionOutcome ReadOutcome(DerReader& from) {
  DerReader inside = from.Enter(kSequence, "executionOutcome");
  ExecutionOutcome outcome;
  // Universal tag 02, where the Command has [3] (section 12, trap 6).
  outcome.seq_number = inside.Unsigned(kInteger, kMaxSeqNumber, "authorisingRemotePartySeqNumber");
  outcome.mode = ReadMode(inside);
  outcome.seq_number_changes = ReadChanges(inside, kSequence, "remotePartySeqNumberChanges");
  DerReader list = inside.Enter(kSequence, "replacementOutcomes");
  while (list.More() && outcome.replacement_outcomes.size() < kMaxCells) {
    outcome.replacement_outcomes.push_back(ReadReplacementOutcome(list));
  }
  list.End("replacementOutcomes");
  inside.End("executionOutcome");
  return outcome;
}

Status CheckCodeAndCounter(const GroupingHeader& header, CredentialsReplacementMode mode,
                           std::uint64_t seq_number) {
  if (header.message_code != kUpdateSecurityCredentials + static_cast<std::uint16_t>(mode)) {
    return Failure(Reason::kMalformed, "Message Code: not 0100 + credentialsReplacementMode");
  }
  if (header.counter != seq_number) {
    return Failure(Reason::kMalformed,
                   "authorisingRemotePartySeqNumber: not the Originator Counter");
  }
  return Done{};
}

Status CheckCra(const GroupingHeader& header, CraFlag cra) {
  if (header.cra == cra) return Done{};
  return Failure(Reason::kMalformed, "CRA Flag: another kind of message");
}

}  // namespace

bool CommandPayload::IsCancellation() const {
  constexpr UtcTime kEndOfTime = UtcTime::FromSeconds(253402300799);  // 9999-12-31T23:59:59Z
  return execution_date_time == kEndOfTime;
}

Result<CommandPayload> CommandPayload::Parse(BytesView der) {
  DerFault fault;
  DerReader outside(der, LengthForm::kMinimal, fault);
  DerReader inside = outside.Enter(kSequence, "CommandPayload");
  CommandPayload payload;
  ReadControl(inside, payload);
  ReadReplacements(inside, payload);
  ReadPath(inside, payload);
  if (inside.More()) payload.execution_date_time = ReadTime(inside);
  inside.End("CommandPayload");
  outside.End("CommandPayload");
  if (fault) return Failure(Reason::kMalformed, fault.text());
  return payload;
}

Result<ResponsePayload> ResponsePayload::Parse(BytesView octets) {
  DerFault fault;
  DerReader outside(octets, LengthForm::kAnyDefinite, fault);
  DerReader inside = outside.Enter(kSequence, "ResponsePayload");
  ResponsePayload payload;
  if (!inside.Content(kNull, "commandAccepted").empty()) {
    inside.Refuse("commandAccepted", "not NULL");
  }
  if (inside.More()) payload.outcome = ReadOutcome(inside);
  inside.End("ResponsePayload");
  outside.End("ResponsePayload");
  if (fault) return Failure(Reason::kMalformed, fault.text());
  return payload;
}

Result<AlertPayload> AlertPayload::Parse(BytesView octets) {
  DerFault fault;
  DerReader outside(octets, LengthForm::kAnyDefinite, fault);
  DerReader inside = outside.Enter(kSequence, "AlertPayload");
  AlertPayload payload;
  payload.alert_code =
      static_cast<std::uint32_t>(inside.Unsigned(kInteger, kMaxAlertCode, "alertCode"));
  payload.execution_date_time = ReadTime(inside);
  payload.outcome = ReadOutcome(inside);
  inside.End("AlertPayload");
  outside.End("AlertPayload");
  if (fault) return Failure(Reason::kMalformed, fault.text());
  return payload;
}

Status CheckAgreement(const GroupingHeader& header, const CommandPayload& payload) {
  if (auto cra = CheckCra(header, CraFlag::kCommand); !cra) return cra;
  return CheckCodeAndCounter(header, payload.mode, payload.seq_number);
}

Status CheckAgreement(const GroupingHeader& header, const ResponsePayload& payload) {
  if (auto cra = CheckCra(header, CraFlag::kResponse); !cra) return cra;
  if (payload.outcome) {
    return CheckCodeAndCounter(header, payload.outcome->mode, payload.outcome->seq_number);
  }
  const bool known = header.message_code >= kUpdateSecurityCredentials &&
                     header.message_code <= kUpdateSecurityCredentials + kMaxMode;
  if (!known) return Failure(Reason::kMalformed, "Message Code: not one of CS02b");
  return Done{};
}

Status CheckAgreement(const GroupingHeader& header, const AlertPayload&) {
  if (auto cra = CheckCra(header, CraFlag::kAlert); !cra) return cra;
  if (header.message_code != kUpdateSecurityCredentialsAlert) {
    return Failure(Reason::kMalformed, "Message Code: not that of a CS02b Alert");
  }
  return Done{};
}

}  // namespace acb::gbcs
