#include "firmware/checks/target_certificates.h"

#include <algorithm>

#include "firmware/checks/execution_time.h"
#include "firmware/smki/deny_list.h"

namespace acb::checks {
namespace {

// One replacement certificate and the key usage of the cell it goes to.
struct Replacement {
  std::string_view element;
  KeyUsage usage;
  const Bytes* der;
};

// gbcs-cs02b.md 4.2: a network operator has two cells; a supplier two, and the top-up cell. A
// request that leaves one of the two out would hand over half a role (R-063-3).
Result<std::vector<Replacement>> ReplacementsOf(const duis::HandoverRequest& request) {
  std::vector<Replacement> all = {{"DigitalSigningCertificate", KeyUsage::kDigitalSignature,
                                   &request.digital_signing_certificate}};
  if (!request.key_agreement_certificate) {
    return Failure(Reason::kCertSetIncomplete, "KeyAgreementCertificate is missing");
  }
  all.push_back(
      {"KeyAgreementCertificate", KeyUsage::kKeyAgreement, &*request.key_agreement_certificate});
  if (request.key_agreement_top_up_certificate) {
    if (request.role != RemotePartyRole::kSupplier) {
      return Failure(Reason::kCertSetIncomplete,
                     "KeyAgreementTopUpCertificate goes with RemotePartyRole Supplier only");
    }
    all.push_back({"KeyAgreementTopUpCertificate", KeyUsage::kKeyAgreement,
                   &*request.key_agreement_top_up_certificate});
  }
  return all;
}

Failure About(const Replacement& replacement, const smki::Certificate& certificate, Reason reason,
              std::string_view what) {
  return Failure(reason, std::string(replacement.element) + " (" + certificate.Label() +
                             "): " + std::string(what));
}

// R-NOW-6, R-128-13, R-SEC3-33: what the cell demands of a certificate that is good in itself.
Status CheckFitsCell(const smki::Trust& trust, const Replacement& replacement,
                     const smki::Certificate& certificate, RemotePartyRole role, Eui64 acb) {
  const auto ou = certificate.ou_role();
  if (certificate.eui64() == acb ||
      ou == static_cast<std::uint8_t>(RemotePartyRole::kAccessControlBroker)) {
    return About(replacement, certificate, Reason::kReplacementIsAcb,
                 "it is the Access Control Broker's; no supplier may ask for that");
  }
  if (ou != static_cast<std::uint8_t>(role)) {
    const std::string found = ou ? ToHex(Bytes{*ou}) : "none";
    return About(replacement, certificate, Reason::kRole,
                 "its subject OU is " + found + ", expected " +
                     ToHex(Bytes{static_cast<std::uint8_t>(role)}) + " for role " +
                     std::string(Name(role)));
  }
  // Equality with exactly one usage, not a mask (style.md).
  if (certificate.key_usage() != replacement.usage) {
    return About(replacement, certificate, Reason::kProfile,
                 replacement.usage == KeyUsage::kDigitalSignature
                     ? "its keyUsage is not digitalSignature alone"
                     : "its keyUsage is not keyAgreement alone");
  }
  const auto point = certificate.public_point();
  if (trust.settings().environment == smki::Environment::kLive && point &&
      smki::IsPublishedTestKey(*point)) {
    return About(replacement, certificate, Reason::kEnvironment, "its key is a published test key");
  }
  return Done{};
}

// R-SEC3-7, gbcs-cs02b.md section 10, rule 11: a device that holds a command until its execution
// time checks the certificates then. The decision's own time is CheckPath's.
Status CheckInDateThen(const Replacement& replacement, const smki::PathEvidence& path,
                       UtcTime then) {
  for (const smki::CertificatePtr& each : {path.leaf, path.issuing, path.root}) {
    if (!each || each->not_after() >= then) continue;  // a root by name and key has no end
    return Failure(Reason::kCertExpired, std::string(replacement.element) + ": " + each->Label() +
                                             " will have expired, at notAfter " +
                                             each->not_after().Iso() +
                                             ", when the command is executed at " + then.Iso());
  }
  return Done{};
}

// A certificate of the same authority, with the same key, whose time is not now.
const smki::Certificate* FindOutdated(const std::vector<smki::CertificatePtr>& offered,
                                      const smki::Certificate& needed, UtcTime at) {
  for (const smki::CertificatePtr& sent : offered) {
    const bool same =
        sent->subject() == needed.subject() && sent->public_point() == needed.public_point();
    if (same && (at < sent->not_before() || sent->not_after() < at)) return sent.get();
  }
  return nullptr;
}

// The device builds its path from what the command carries (gbcs-cs02b.md section 10, rule 7): it
// must be the path that was checked here, and nothing else may ride along.
Status CheckOfferedPath(const duis::HandoverRequest& request,
                        const std::vector<smki::CertificatePtr>& offered,
                        const std::vector<smki::CertificatePtr>& issuing, UtcTime at) {
  for (const smki::CertificatePtr& needed : issuing) {
    const bool sent = std::ranges::any_of(
        request.certification_path, [&](const Bytes& der) { return Equal(der, needed->der()); });
    if (!sent) {
      if (const smki::Certificate* outdated = FindOutdated(offered, *needed, at)) {
        return Failure(Reason::kCertExpired,
                       "CertificationPathCertificates: " + outdated->Label() + ": valid from " +
                           outdated->not_before().Iso() + " to " + outdated->not_after().Iso() +
                           ", judged at " + at.Iso() + "; its authority has a newer one");
      }
      return Failure(Reason::kChain,
                     "CertificationPathCertificates lacks the issuing authority's certificate " +
                         needed->Label());
    }
  }
  for (auto der = request.certification_path.begin(); der != request.certification_path.end();
       ++der) {
    if (std::find(request.certification_path.begin(), der, *der) != der) {
      return Failure(Reason::kChain, "CertificationPathCertificates holds a certificate twice");
    }
    const bool needed = std::ranges::any_of(
        issuing, [&](const smki::CertificatePtr& used) { return Equal(*der, used->der()); });
    if (!needed) {
      return Failure(Reason::kChain,
                     "CertificationPathCertificates holds a certificate that is not the issuing "
                     "authority's of a replacement certificate");
    }
  }
  return Done{};
}

Result<std::vector<smki::CertificatePtr>> ReadPath(const smki::Trust& trust,
                                                   const duis::HandoverRequest& request) {
  std::vector<smki::CertificatePtr> path;
  for (const Bytes& der : request.certification_path) {
    auto certificate = trust.Read(der);
    if (!certificate) {
      return Failure(certificate.error().reason,
                     "CertificationPathCertificates: " + certificate.error().explanation);
    }
    path.push_back(*std::move(certificate));
  }
  return path;
}

}  // namespace

Result<CheckedTarget> CheckTargetCertificates(const smki::Trust& trust,
                                              const duis::HandoverRequest& request, Eui64 acb,
                                              UtcTime at) {
  const auto replacements = ReplacementsOf(request);
  if (!replacements) return replacements.error();
  const auto offered = ReadPath(trust, request);
  if (!offered) return offered.error();

  CheckedTarget target(acb);
  for (const Replacement& replacement : *replacements) {
    const auto certificate = trust.Read(*replacement.der);
    if (!certificate) {
      return Failure(certificate.error().reason,
                     std::string(replacement.element) + ": " + certificate.error().explanation);
    }
    const auto path = trust.CheckPath(*certificate, *offered, at);
    if (!path) {
      return Failure(path.error().reason,
                     std::string(replacement.element) + ": " + path.error().explanation,
                     path.error().detail);
    }
    Status then = CheckInDateThen(replacement, *path, RightsApplyAt(request, at));
    if (!then) return std::move(then).error();
    Status fits = CheckFitsCell(trust, replacement, **certificate, request.role, acb);
    if (!fits) return std::move(fits).error();

    const auto eui = (*certificate)->eui64();  // present: the profile demands it
    if (!target.certificates_.empty() && target.certificates_.front()->eui64() != eui) {
      return About(replacement, **certificate, Reason::kCertSetMixed,
                   "its EUI-64 is not that of DigitalSigningCertificate");
    }
    target.holder_ = *eui;
    target.certificates_.push_back(*certificate);
    target.issuing_.push_back(path->issuing);
    for (const std::string& observation : path->observations) {
      if (std::ranges::find(target.observations_, observation) == target.observations_.end()) {
        target.observations_.push_back(observation);
      }
    }
  }
  if (Status path = CheckOfferedPath(request, *offered, target.issuing_, at); !path)
    return std::move(path).error();

  target.content_.floor = request.floor;
  target.content_.prepayment_top_up_floor = request.prepayment_top_up_floor;
  target.content_.apply_time_based_cpv_checks = request.apply_time_based_cpv_checks;
  target.content_.digital_signing_certificate = request.digital_signing_certificate;
  target.content_.key_agreement_certificate = *request.key_agreement_certificate;
  target.content_.key_agreement_top_up_certificate = request.key_agreement_top_up_certificate;
  target.content_.certification_path = request.certification_path;
  return target;
}

Status CheckNoAcbKey(const CheckedTarget& target, const std::vector<PublicPoint>& acb_keys) {
  // As ReplacementsOf orders them.
  constexpr std::string_view kElements[] = {"DigitalSigningCertificate", "KeyAgreementCertificate",
                                            "KeyAgreementTopUpCertificate"};
  for (std::size_t i = 0; i < target.certificates().size(); ++i) {
    const smki::Certificate& certificate = *target.certificates()[i];
    const auto point = certificate.public_point();
    if (!point || std::ranges::find(acb_keys, *point) == acb_keys.end()) continue;
    return Failure(Reason::kReplacementIsAcb, std::string(kElements[i]) + " (" +
                                                  certificate.Label() +
                                                  "): its key is the Access Control Broker's");
  }
  return Done{};
}

}  // namespace acb::checks
