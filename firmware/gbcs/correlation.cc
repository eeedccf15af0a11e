#include "firmware/gbcs/correlation.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/gbcs/message.h"
#include "firmware/gbcs/payload.h"

namespace acb::gbcs {
namespace {

Failure Differs(std::string_view field) {
  return Failure(Reason::kCorrelation, std::string(field) + " is not what was requested");
}

Failure Unreadable(const Failure& why) {
  return Failure(Reason::kCorrelation, "the command does not parse: " + why.explanation);
}

// R-NOW-5: the mode that fits the role (gbcs-cs02b.md section 4.2). Nothing for a role that 6.21
// does not hand over.
std::optional<CredentialsReplacementMode> ModeOf(RemotePartyRole role) {
  if (role == RemotePartyRole::kSupplier) return CredentialsReplacementMode::kSupplierBySupplier;
  if (role == RemotePartyRole::kNetworkOperator) {
    return CredentialsReplacementMode::kNetworkOperatorByNetworkOperator;
  }
  return std::nullopt;
}

// What the command must replace: cells of one role only, in the order of the vectors.
std::vector<TrustAnchorReplacement> WantedReplacements(const HandoverContent& wanted,
                                                       RemotePartyRole role) {
  std::vector<TrustAnchorReplacement> replacements = {
      {wanted.digital_signing_certificate, {role, KeyUsage::kDigitalSignature}},
      {wanted.key_agreement_certificate, {role, KeyUsage::kKeyAgreement}}};
  if (wanted.key_agreement_top_up_certificate) {
    replacements.push_back({*wanted.key_agreement_top_up_certificate,
                            {role, KeyUsage::kKeyAgreement, CellUsage::kPrepaymentTopUp}});
  }
  return replacements;
}

Status CompareHeader(const GroupingHeader& header, const HandoverContent& wanted,
                     const RecordedCounter& reserved, CredentialsReplacementMode mode) {
  // Message::Parse takes no bare Response, so this cannot differ here; the comparison stays whole.
  if (header.cra != CraFlag::kCommand) return Differs("CRA Flag");
  if (header.counter != reserved.counter.value()) return Differs("Originator Counter");
  if (header.originator != wanted.acb) return Differs("Business Originator ID");
  if (header.target != reserved.device) return Differs("Business Target ID");
  if (header.message_code != kUpdateSecurityCredentials + static_cast<std::uint16_t>(mode)) {
    return Differs("Message Code");
  }
  return Done{};
}

Status CompareControl(const CommandPayload& payload, const HandoverContent& wanted,
                      const RecordedCounter& reserved, CredentialsReplacementMode mode) {
  if (payload.mode != mode) return Differs("credentialsReplacementMode");
  if (payload.plaintext_symmetric_key) return Differs("plaintextSymmetricKey");
  if (payload.apply_time_based_cpv_checks != wanted.apply_time_based_cpv_checks) {
    return Differs("applyTimeBasedCPVChecks");
  }
  // R-NOW-5: the cell whose certificate authorises is the target role's own, never the ACB's.
  const TrustAnchorCell authorising{reserved.role, KeyUsage::kDigitalSignature};
  if (payload.authorising_cell != authorising) {
    return Differs("authorisingRemotePartyTACellIdentifier");
  }
  // R-NOW-5: header counter = payload counter; both are compared with the reservation.
  if (payload.seq_number != reserved.counter.value()) {
    return Differs("authorisingRemotePartySeqNumber");
  }
  if (payload.floor != wanted.floor) return Differs("newRemotePartyFloorSeqNumber");
  if (payload.prepayment_top_up_floor != wanted.prepayment_top_up_floor) {
    return Differs("newRemotePartySpecialistFloorSeqNumber");
  }
  if (!payload.other_changes.empty()) return Differs("otherRemotePartySeqNumberChanges");
  return Done{};
}

Status CompareCertificates(const CommandPayload& payload, const HandoverContent& wanted,
                           RemotePartyRole role) {
  // R-NOW-5: replacement cells are those of the role, and no others.
  const auto replacements = WantedReplacements(wanted, role);
  if (payload.replacements.size() != replacements.size()) return Differs("number of replacements");
  for (std::size_t i = 0; i < replacements.size(); ++i) {
    const std::string name = "replacements[" + std::to_string(i) + "].";
    if (payload.replacements[i].cell != replacements[i].cell) {
      return Differs(name + "targetTrustAnchorCell");
    }
    if (!Equal(payload.replacements[i].certificate, replacements[i].certificate)) {
      return Differs(name + "replacementCertificate");
    }
  }
  if (payload.certification_path.size() != wanted.certification_path.size()) {
    return Differs("number of certificationPathCertificates");
  }
  for (std::size_t i = 0; i < wanted.certification_path.size(); ++i) {
    if (!Equal(payload.certification_path[i], wanted.certification_path[i])) {
      return Differs("certificationPathCertificates[" + std::to_string(i) + "]");
    }
  }
  return Done{};
}

}  // namespace

Status CheckCorrelation(BytesView built, const HandoverContent& wanted,
                        const ReservedCounter& reserved) {
  return CheckCorrelation(built, wanted,
                          RecordedCounter{reserved.device(), reserved.role(), reserved.counter()});
}

Status CheckCorrelation(BytesView built, const HandoverContent& wanted,
                        const RecordedCounter& reserved) {
  const auto mode = ModeOf(reserved.role);
  if (!mode) return Differs("RemotePartyRole");
  const auto message = Message::Parse(built);
  if (!message) return Unreadable(message.error());
  // Nothing may be signed that is signed already, and no octet may escape the signature.
  const bool bare = message->form() == MessageForm::kPreCommand &&
                    message->ToBeSigned().size() + 1 == built.size();
  if (!bare) return Differs("message form");
  const auto payload = CommandPayload::Parse(message->payload());
  if (!payload) return Unreadable(payload.error());

  if (auto same = CompareHeader(message->header(), wanted, reserved, *mode); !same) return same;
  if (auto same = CompareControl(*payload, wanted, reserved, *mode); !same) return same;
  if (auto same = CompareCertificates(*payload, wanted, reserved.role); !same) return same;
  // The handover takes effect at once: the ACB sends no future dated command.
  if (payload->execution_date_time) return Differs("executionDateTime");
  return Done{};
}

Status CheckCorrelation(const UnsignedCommand& built, const HandoverContent& wanted,
                        const ReservedCounter& reserved) {
  // The MAC key is derived from these, not from the octets: they must say the same.
  if (built.originator() != wanted.acb) return Differs("originator of the MAC key");
  if (built.target() != reserved.device()) return Differs("target of the MAC key");
  if (built.counter() != reserved.counter()) return Differs("counter of the MAC key");
  return CheckCorrelation(built.octets(), wanted, reserved);
}

}  // namespace acb::gbcs
