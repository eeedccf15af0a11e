#include "firmware/smki/device_path.h"

#include <algorithm>
#include <array>

#include "firmware/smki/certificate_fields.h"

namespace acb::smki {
namespace {

// What this code understands of a certificate: another critical extension refuses it (RFC 5280
// section 4.2).
constexpr std::array<std::string_view, 6> kKnownExtensions = {
    oid::kSubjectKeyIdentifier, oid::kKeyUsage,
    oid::kSubjectAltName,       oid::kBasicConstraints,
    oid::kCertificatePolicies,  oid::kAuthorityKeyIdentifier};

std::optional<BasicConstraints> ConstraintsOf(const Certificate& certificate) {
  const Extension* extension =
      FindExtension(certificate.fields().extensions, oid::kBasicConstraints);
  return extension == nullptr ? std::nullopt : DecodeBasicConstraints(extension->value);
}

bool MaySignCertificates(const Certificate& certificate) {
  const Extension* extension = FindExtension(certificate.fields().extensions, oid::kKeyUsage);
  const auto bits = extension == nullptr ? std::nullopt : DecodeKeyUsage(extension->value);
  return bits && (*bits & kKeyCertSignBit) != 0;
}

Failure Broken(const Certificate& certificate, std::string_view why) {
  return Failure(Reason::kChain, certificate.Label() + ": " + std::string(why));
}

// R-SEC3-5: one algorithm. R-SEC3-19: notAfter may be the end of time.
Status CheckForm(const Certificate& certificate, UtcTime at) {
  const Certificate::Fields& fields = certificate.fields();
  if (!IsEcdsaSha256(fields.inner_algorithm) || !IsEcdsaSha256(fields.outer_algorithm)) {
    return Broken(certificate, "expected the signature algorithm ecdsa-with-SHA256");
  }
  for (const Extension& extension : fields.extensions) {
    const bool known =
        std::ranges::find(kKnownExtensions, AsText(extension.id)) != kKnownExtensions.end();
    if (extension.critical && !known) {
      return Broken(certificate, "it has a critical extension that is not known here");
    }
  }
  if (at < certificate.not_before() || certificate.not_after() < at) {
    return Failure(Reason::kCertExpired,
                   certificate.Label() + ": valid from " + certificate.not_before().Iso() + " to " +
                       certificate.not_after().Iso() + ", judged at " + at.Iso());
  }
  return Done{};
}

Status CheckAuthorityForm(const Certificate& certificate, UtcTime at) {
  if (!IsDeviceAuthority(certificate)) {
    return Broken(certificate, "expected a CA that may sign certificates");
  }
  return CheckForm(certificate, at);
}

bool HasSigned(const Certificate& authority, const VerifyingKey& key,
               const Certificate& certificate) {
  const BytesView named = certificate.authority_key_identifier();
  const BytesView own = authority.subject_key_identifier();
  const bool fits = named.empty() || own.empty() || Equal(named, own);
  return fits && key.VerifyDer(certificate.fields().tbs, certificate.fields().signature);
}

}  // namespace

bool IsDeviceAuthority(const Certificate& certificate) {
  const auto constraints = ConstraintsOf(certificate);
  return constraints && constraints->ca && MaySignCertificates(certificate);
}

DevicePaths::DevicePaths(const std::vector<CertificatePtr>& roots, UtcTime at) : at_(at) {
  for (const CertificatePtr& root : roots) {
    Authority authority{root};
    authority.judged = true;
    authority.good = CheckAuthorityForm(*root, at_);
    // RFC 5280 section 4.2.1.9: a root with path length 0 may have no issuing CA below it.
    const auto constraints = ConstraintsOf(*root);
    if (authority.good && constraints->path_length == 0) {
      authority.good = Broken(*root, "its path length allows no issuing CA");
    }
    const auto& key = root->verifying_key();
    if (key) authority.key.push_back(*key);
    if (authority.good && !key) authority.good = Broken(*root, "expected a key on P-256");
    roots_[root->subject().Key()].push_back(std::move(authority));
  }
}

void DevicePaths::AddAuthority(const CertificatePtr& certificate) {
  // A root among them would be its own issuing CA, and the path one too short.
  const bool self_issued = certificate->subject() == certificate->issuer();
  if (self_issued || !IsDeviceAuthority(*certificate)) return;
  issuing_[certificate->subject().Key()].push_back({certificate});
}

Status DevicePaths::CheckIssuing(const Certificate& authority) const {
  if (Status form = CheckAuthorityForm(authority, at_); !form) return form;
  const auto roots = roots_.find(authority.issuer().Key());
  if (roots == roots_.end()) {
    return Broken(authority, "its issuer " + authority.issuer().Text() +
                                 " is not a device root of the configuration");
  }
  Status why = Broken(authority, "its signature is not by the device root of that name");
  for (const Authority& root : roots->second) {
    if (root.key.empty() || !HasSigned(*root.certificate, root.key.front(), authority)) continue;
    if (root.good) return Done{};
    why = root.good;
  }
  return why;
}

void DevicePaths::Judge(Authority& authority) const {
  if (authority.judged) return;
  authority.judged = true;
  authority.good = CheckIssuing(*authority.certificate);
  if (!authority.good) return;
  const auto& key = authority.certificate->verifying_key();
  if (key) {
    authority.key.push_back(*key);
  } else {
    authority.good = Broken(*authority.certificate, "expected a key on P-256");
  }
}

Status DevicePaths::Check(const Certificate& device) {
  if (Status form = CheckForm(device, at_); !form) return form;
  const auto found = issuing_.find(device.issuer().Key());
  if (found == issuing_.end()) {
    return Broken(device, "its issuing device CA " + device.issuer().Text() + " is not held");
  }
  Status why = Broken(device, "its signature is not by the issuing device CA of that name");
  for (Authority& authority : found->second) {
    Judge(authority);
    if (!authority.good) {
      why = authority.good;
    } else if (HasSigned(*authority.certificate, authority.key.front(), device)) {
      return Done{};
    }
  }
  return why;
}

}  // namespace acb::smki
