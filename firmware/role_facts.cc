// What the device reports for the cells of one role: exchange.h.
#include <algorithm>

#include "firmware/exchange.h"
#include "firmware/smki/certificate.h"

namespace acb {
namespace {

using Carried = RoleFacts::Result;

constexpr RemotePartyRole kRoles[] = {RemotePartyRole::kSupplier,
                                      RemotePartyRole::kNetworkOperator};
constexpr std::uint8_t kOuAcb = static_cast<std::uint8_t>(RemotePartyRole::kAccessControlBroker);

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
const AcbIdentity::Pair* FindOurKey(const smki::Certificate& certificate, KeyUsage usage,
                                    const AcbIdentity& acb) {
  if (certificate.eui64() != acb.eui64 || certificate.ou_role() != kOuAcb) return nullptr;
  const auto point = certificate.public_point();
  for (const AcbIdentity::Pair& pair : acb.pairs) {
    if (point == (usage == KeyUsage::kKeyAgreement ? pair.key_agreement : pair.digital_signing)) {
      return &pair;
    }
  }
  return nullptr;
}

struct Owner {
  CellState::Holder holder = CellState::Holder::kUnknown;
  Eui64 party{0};
  std::string doubt;
  std::optional<AcbKeyId> acb_key = {};
  friend bool operator==(const Owner&, const Owner&) = default;
};

Owner OwnerOf(const gbcs::TrustAnchorReplacement& sent, const AcbIdentity& acb) {
  using Holder = CellState::Holder;
  const smki::CertificatePtr certificate = Parse(sent.certificate);
  if (!certificate || !certificate->eui64()) {
    return {Holder::kUnknown, Eui64(0), "a certificate that names no party was sent"};
  }
  if (!IsAcbs(*certificate, acb)) return {Holder::kParty, *certificate->eui64(), {}};
  if (const auto* pair = FindOurKey(*certificate, sent.cell.key_usage, acb)) {
    return {Holder::kAcb, Eui64(0), {}, pair->id};
  }
  return {Holder::kUnknown, Eui64(0),
          "the certificate is the Access Control Broker's, of a key that this box does not have"};
}

Owner OwnerOfAll(const std::vector<gbcs::TrustAnchorReplacement>& sent, const AcbIdentity& acb) {
  const Owner first = OwnerOf(sent.front(), acb);
  for (const gbcs::TrustAnchorReplacement& one : sent) {
    const Owner owner = OwnerOf(one, acb);
    if (owner == first) continue;
    const bool both_ours = owner.acb_key && first.acb_key;
    return {CellState::Holder::kUnknown, Eui64(0),
            both_ours ? "the Access Control Broker certificates sent are of two key pairs"
                      : "the certificates sent are not of one party"};
  }
  return first;
}

// Only who holds the digital signing cell authorises the next replacement.
bool SendsSigningCell(const std::vector<gbcs::TrustAnchorReplacement>& sent, RemotePartyRole role) {
  const TrustAnchorCell signing{role, KeyUsage::kDigitalSignature, CellUsage::kManagement};
  return std::ranges::find(sent, signing, &gbcs::TrustAnchorReplacement::cell) != sent.end();
}

// Section 6.4: one cell failed is enough for this code, so with no cell failed nobody knows.
bool IsContradictory(const Exchange& exchange) {
  constexpr std::uint32_t kFutureDatedFailed = 0x8F67;
  return exchange.alert_code == kFutureDatedFailed &&
         std::ranges::all_of(exchange.outcome->replacement_outcomes, [](const auto& one) {
           return one.status == gbcs::StatusCode::kSuccess;
         });
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
  facts.result = IsContradictory(exchange) ? Carried::kPartial : ResultOf(sent, outcome);
  Owner owner = OwnerOfAll(sent, acb);
  if (owner.holder == CellState::Holder::kAcb && !SendsSigningCell(sent, role)) {
    owner = {CellState::Holder::kUnknown, Eui64(0),
             "Access Control Broker certificates were sent, but none for the digital signing cell"};
  }
  facts.placed = owner.holder;
  facts.party = owner.party;
  facts.acb_key = owner.acb_key;
  facts.doubt = std::move(owner.doubt);
  facts.existing = ExistingHolders(outcome, role);
  facts.floor = std::max({exchange.payload->seq_number, facts.reported.value_or(0),
                          CommandedFloor(*exchange.payload, role).value_or(0)});
  return facts;
}

}  // namespace

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

std::vector<RemotePartyRole> RolesSent(const Exchange& exchange) {
  std::vector<RemotePartyRole> roles;
  for (const RemotePartyRole role : kRoles) {
    if (!SentFor(exchange, role).empty()) roles.push_back(role);
  }
  return roles;
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
