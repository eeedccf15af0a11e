#include "firmware/smki/authority_profile.h"

#include "firmware/base/p256.h"
#include "firmware/smki/profile_rules.h"

namespace acb::smki {
namespace {

Failure Broken(const Certificate& certificate, std::string_view what) {
  return ProfileFailure(certificate, Reason::kChain, "as a CA: " + std::string(what));
}

Status AsChain(Status status) {
  if (!status) status.error().reason = Reason::kChain;
  return status;
}

// gbcs-cs02b.md 9.2: keyCertSign and cRLSign, critical, nothing else.
Status CheckAuthorityKeyUsage(const Certificate& certificate) {
  const Extension* extension = FindExtension(certificate.fields().extensions, oid::kKeyUsage);
  if (extension == nullptr || !extension->critical ||
      DecodeKeyUsage(extension->value) != (kKeyCertSignBit | kCrlSignBit)) {
    return Broken(certificate, "keyUsage: critical, keyCertSign and cRLSign expected");
  }
  return Done{};
}

// gbcs-cs02b.md 9.2. R-SEC3-11: an issuing CA ends its path, so pathLenConstraint 0 and nothing
// else. Section 10, rule 8, says that a device takes any; we sign only what follows the profile.
Status CheckBasicConstraints(const Certificate& certificate, bool issuing) {
  const Extension* extension =
      FindExtension(certificate.fields().extensions, oid::kBasicConstraints);
  if (extension == nullptr || !extension->critical) {
    return Broken(certificate, "basicConstraints, critical, expected");
  }
  const auto constraints = DecodeBasicConstraints(extension->value);
  if (!constraints || !constraints->ca) return Broken(certificate, "basicConstraints CA expected");
  if (issuing && constraints->path_length != 0) {
    return Broken(certificate, "basicConstraints with pathLenConstraint 0 expected");
  }
  // RFC 5280 section 4.2.1.9: one certificate, the issuing CA, lies between root and leaf.
  if (!issuing && constraints->path_length == 0) {
    return Broken(certificate, "basicConstraints of a root without pathLenConstraint 0 expected");
  }
  return Done{};
}

// What issuing CA and root have in common.
Status CheckAuthority(const Certificate& certificate, bool issuing, RemotePartyRole role) {
  if (Status s = CheckVersion3(certificate); !s) return s;
  if (Status s = CheckSignatureAlgorithms(certificate); !s) return s;
  if (Status s = CheckKey(certificate); !s) return s;
  if (Status s = CheckSerial(certificate); !s) return s;
  if (Status s = CheckNoUniqueIds(certificate); !s) return s;
  if (Status s = CheckNoDuplicateExtension(certificate); !s) return s;
  const Certificate::Fields& fields = certificate.fields();
  if (Status s = CheckAuthorityName(certificate, fields.issuer_der, "issuer", true); !s) return s;
  if (Status s = CheckAuthorityName(certificate, fields.subject_der, "subject", true); !s) return s;
  // gbcs-cs02b.md 9.3 and section 10, rule 8: OU 07 issuing authority, 00 root.
  if (certificate.ou_role() != static_cast<std::uint8_t>(role)) {
    return Broken(certificate, std::string("subject OU ") + (issuing ? "07" : "00") + " expected");
  }
  if (Status s = CheckValidityForm(certificate); !s) return s;
  if (Status s = CheckAuthorityKeyUsage(certificate); !s) return s;
  if (Status s = CheckBasicConstraints(certificate, issuing); !s) return s;
  if (Status s = CheckSubjectKeyIdentifier(certificate); !s) return s;
  if (Status s = CheckNoOtherLimits(certificate); !s) return s;
  return CheckCriticalExtensions(
      certificate, {oid::kKeyUsage, oid::kCertificatePolicies, oid::kBasicConstraints});
}

}  // namespace

Status CheckIssuingAuthorityProfile(const Certificate& certificate, const TrustSettings& settings) {
  if (Status s = CheckAuthority(certificate, true, RemotePartyRole::kIssuingAuthority); !s) {
    return AsChain(std::move(s));
  }
  if (Status s = CheckAuthorityKeyIdentifier(certificate); !s) return AsChain(std::move(s));
  return AsChain(CheckPolicy(certificate, settings.policy_oid));
}

Status CheckRootProfile(const Certificate& certificate, const TrustSettings& settings) {
  if (Status s = CheckAuthority(certificate, false, RemotePartyRole::kRoot); !s) {
    return AsChain(std::move(s));
  }
  if (certificate.issuer() != certificate.subject()) {
    return Broken(certificate, "a root is its own issuer");
  }
  const auto& extensions = certificate.fields().extensions;
  // gbcs-cs02b.md 9.1: the AKI is absent only on the root; RFC 5280 section 4.2.1.1 lets a root
  // have one, of its own key.
  if (CountExtensions(extensions, oid::kAuthorityKeyIdentifier) != 0) {
    if (Status s = CheckAuthorityKeyIdentifier(certificate); !s) return AsChain(std::move(s));
    if (!Equal(certificate.authority_key_identifier(), certificate.subject_key_identifier())) {
      return Broken(certificate, "a root's authorityKeyIdentifier is its own key's");
    }
  }
  // RFC 5280 section 6.1.1: a trust anchor's policies bind nobody, but another environment's name
  // there is a mistake of the ceremony.
  if (CountExtensions(extensions, oid::kCertificatePolicies) != 0) {
    if (Status s = CheckPolicy(certificate, settings.policy_oid); !s) return AsChain(std::move(s));
  }
  const auto& key = certificate.verifying_key();
  if (!key || !key->VerifyDer(certificate.fields().tbs, certificate.fields().signature)) {
    return Broken(certificate, "the root's signature on itself is wrong");
  }
  return Done{};
}

}  // namespace acb::smki
