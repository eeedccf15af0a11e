#include "firmware/checks/acb_certificates.h"

#include <algorithm>

#include "firmware/checks/repository.h"
#include "firmware/checks/suspension.h"
#include "firmware/smki/key_identifier.h"

namespace acb::checks {
namespace {

Status CheckKind(const smki::Certificate& certificate, KeyUsage usage) {
  const auto role = static_cast<std::uint8_t>(RemotePartyRole::kAccessControlBroker);
  if (certificate.ou_role() != role) {
    return Failure(Reason::kAcbCert, certificate.Label() + " has not the role ACB (subject OU 04)");
  }
  if (certificate.key_usage() != usage) {
    return Failure(Reason::kAcbCert,
                   certificate.Label() + " has another keyUsage than its place needs");
  }
  if (!certificate.eui64() || !certificate.public_point()) {
    return Failure(Reason::kAcbCert, certificate.Label() + " has no EUI-64 or no P-256 key");
  }
  return Done{};
}

}  // namespace

Result<AcbCertificates> AcbCertificates::From(smki::CertificatePtr digital_signing,
                                              smki::CertificatePtr key_agreement) {
  if (Status kind = CheckKind(*digital_signing, KeyUsage::kDigitalSignature); !kind) {
    return std::move(kind).error();
  }
  if (Status kind = CheckKind(*key_agreement, KeyUsage::kKeyAgreement); !kind) {
    return std::move(kind).error();
  }
  if (digital_signing->eui64() != key_agreement->eui64()) {
    return Failure(Reason::kAcbCert, "the ACB's two certificates have different EUI-64s");
  }
  const Eui64 eui64 = *digital_signing->eui64();
  const Bytes identifier = smki::KeyIdentifier(*digital_signing->public_point());
  const AcbKeyId key_id{ByteReader(identifier).U64()};
  return AcbCertificates{std::move(digital_signing), std::move(key_agreement), eui64, key_id};
}

Result<std::size_t> ChooseAcbKeys(const CellState& cell, const std::vector<AcbKeyId>& in_use) {
  if (!cell.acb_key) return std::size_t{0};
  const auto found = std::ranges::find(in_use, *cell.acb_key);
  if (found != in_use.end()) return static_cast<std::size_t>(found - in_use.begin());
  return Failure(Reason::kAcbCert,
                 "the device's cell holds an ACB certificate with subject key identifier " +
                     ToHex(ByteWriter().U64(cell.acb_key->value).bytes()) +
                     ", of a key that is not in use here");
}

Status CheckAcbOnRecord(const Records& records, const AcbCertificates& acb) {
  for (const smki::CertificatePtr& certificate : {acb.digital_signing, acb.key_agreement}) {
    Status good = CheckNotRevokedInRepository(records, *certificate, Reason::kAcbCert);
    if (!good) return good;
  }
  return CheckSubjectNotBlocked(records, acb.eui64, "the ACB's certificates", Reason::kAcbCert);
}

Status CheckAcbCertificates(const smki::Trust& trust, const AcbCertificates& acb, UtcTime at) {
  for (const smki::CertificatePtr& certificate : {acb.digital_signing, acb.key_agreement}) {
    const auto path = trust.CheckPath(certificate, {}, at);
    if (!path) {
      return Failure(Reason::kAcbCert, "the ACB's " + certificate->Label() + ": " +
                                           std::string(Describe(path.error().reason).name) + ": " +
                                           path.error().explanation);
    }
  }
  return Done{};
}

}  // namespace acb::checks
