#include "firmware/smki/profile.h"

#include "firmware/smki/profile_rules.h"

namespace acb::smki {
namespace {

Failure Wrong(const Certificate& certificate, std::string_view what) {
  return ProfileFailure(certificate, Reason::kProfile, what);
}

// R-SEC3-9, R-SEC3-13: told apart first, so that the reason says what was put in the place of an
// organisation's certificate. Marks of a CA: RFC 5280 sections 4.2.1.3 and 4.2.1.9; of a device:
// gbcs-cs02b.md 9.4.
Status CheckIsOrganisations(const Certificate& certificate) {
  const Certificate::Fields& fields = certificate.fields();
  const auto refuse = [&](std::string_view what) {
    return ProfileFailure(certificate, Reason::kNotOrganisationCert, what);
  };
  for (const Extension& extension : fields.extensions) {
    if (AsText(extension.id) == oid::kBasicConstraints) {
      // What cannot be read may say CA to another reader.
      const auto constraints = DecodeBasicConstraints(extension.value);
      if (!constraints || constraints->ca) return refuse("it is a CA's (basicConstraints)");
    }
    if (AsText(extension.id) == oid::kKeyUsage) {
      const int usage = DecodeKeyUsage(extension.value).value_or(0);
      if ((usage & (kKeyCertSignBit | kCrlSignBit)) != 0) return refuse("it is a CA's (keyUsage)");
    }
    if (AsText(extension.id) == oid::kSubjectAltName && HasHardwareModuleName(extension.value)) {
      return refuse("it is a device's (hardwareModuleName)");
    }
  }
  if (fields.subject.attributes.empty()) return refuse("it is a device's (empty subject)");
  return Done{};
}

// RFC 5280 sections 4.2.1.6 and 4.2.1.9. What these say of no device and no CA has to be readable.
Status CheckHarmless(const Certificate& certificate) {
  for (const Extension& extension : certificate.fields().extensions) {
    if (AsText(extension.id) == oid::kSubjectAltName && !IsGeneralNames(extension.value)) {
      return Wrong(certificate, "subjectAltName: it holds no GeneralNames in strict DER");
    }
    if (AsText(extension.id) != oid::kBasicConstraints) continue;
    const auto constraints = DecodeBasicConstraints(extension.value);
    if (!constraints || constraints->path_length) {
      return Wrong(certificate, "basicConstraints: pathLenConstraint goes with cA TRUE only");
    }
  }
  return Done{};
}

// gbcs-cs02b.md 9.1: OU = role, x500UniqueIdentifier = EUI-64, CN if there is one; in any order.
Status CheckSubject(const Certificate& certificate) {
  int ous = 0;
  int identifiers = 0;
  int common_names = 0;
  for (const RawAttribute& attribute : RawAttributes(certificate.fields().subject_der)) {
    if (!attribute.alone) {
      return Wrong(certificate, "subject: one attribute per RDN expected");
    }
    if (attribute.type == kOrganisationalUnit) {
      ++ous;
    } else if (attribute.type == kUniqueIdentifier) {
      ++identifiers;
    } else if (attribute.type == kCommonName) {
      // OpenSSL does not read a certificate whose UTF8String is none.
      if (!IsCommonName(attribute.value)) {
        return Wrong(certificate,
                     "subject CN: PrintableString or UTF8String of 1 to 64 characters, none of "
                     "them a control character, expected");
      }
      ++common_names;
    } else {
      return Wrong(certificate, "subject: attribute " + attribute.type + " is not expected");
    }
  }
  if (ous != 1 || !certificate.ou_role()) {
    return Wrong(certificate,
                 "subject: one OU of exactly two hex digits (PrintableString or UTF8String) "
                 "expected");
  }
  if (identifiers != 1 || !certificate.eui64()) {
    return Wrong(certificate,
                 "subject: one x500UniqueIdentifier, a BIT STRING of 8 octets, expected");
  }
  if (common_names > 1) return Wrong(certificate, "subject: at most one CN expected");
  return Done{};
}

// gbcs-cs02b.md section 10, rule 3: exactly one usage. Which one a cell wants is checks/'.
Status CheckKeyUsage(const Certificate& certificate) {
  const Extension* extension = FindExtension(certificate.fields().extensions, oid::kKeyUsage);
  const auto usage = certificate.key_usage();
  const bool one_of_two = usage == KeyUsage::kDigitalSignature || usage == KeyUsage::kKeyAgreement;
  if (extension == nullptr || !extension->critical || !one_of_two) {
    return Wrong(certificate,
                 "keyUsage: critical, exactly digitalSignature or exactly keyAgreement expected");
  }
  return Done{};
}

}  // namespace

Status CheckOrganisationProfile(const Certificate& certificate, const TrustSettings& settings) {
  if (Status s = CheckVersion3(certificate); !s) return s;
  if (Status s = CheckIsOrganisations(certificate); !s) return s;
  if (Status s = CheckHarmless(certificate); !s) return s;
  if (Status s = CheckSignatureAlgorithms(certificate); !s) return s;
  if (Status s = CheckKey(certificate); !s) return s;
  if (Status s = CheckSerial(certificate); !s) return s;
  if (Status s = CheckNoUniqueIds(certificate); !s) return s;
  if (Status s = CheckNoDuplicateExtension(certificate); !s) return s;
  if (Status s = CheckAuthorityName(certificate, certificate.fields().issuer_der, "issuer", false);
      !s) {
    return s;
  }
  if (Status s = CheckSubject(certificate); !s) return s;
  if (Status s = CheckValidityForm(certificate); !s) return s;
  if (Status s = CheckKeyUsage(certificate); !s) return s;
  if (Status s = CheckSubjectKeyIdentifier(certificate); !s) return s;
  if (Status s = CheckAuthorityKeyIdentifier(certificate); !s) return s;
  if (Status s = CheckPolicy(certificate, settings.policy_oid); !s) return s;
  if (Status s = CheckNoOtherLimits(certificate); !s) return s;
  // basicConstraints says here that it is no CA's (CheckIsOrganisations); RFC 5280 section 4.2.1.9
  // lets it be critical.
  return CheckCriticalExtensions(
      certificate, {oid::kKeyUsage, oid::kCertificatePolicies, oid::kBasicConstraints});
}

}  // namespace acb::smki
