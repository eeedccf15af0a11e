#include "firmware/smki/device_profile.h"

#include <algorithm>
#include <array>
#include <span>

#include "firmware/smki/certificate_fields.h"
#include "firmware/smki/key_identifier.h"

namespace acb::smki {
namespace {

constexpr std::size_t kKeyIdentifierOctets = 8;
constexpr std::size_t kMaxSerialOctets = 20;  // RFC 5280 section 4.1.2.2
constexpr std::uint8_t kVersion3 = 2;

// RFC 5280 section 4.2: another critical one refuses the certificate.
constexpr std::array<std::string_view, 4> kMayBeCritical = {
    oid::kKeyUsage, oid::kSubjectAltName, oid::kCertificatePolicies, oid::kBasicConstraints};
// They bind whether critical or not, and the SMKI has no use for them (profile_rules.h).
constexpr std::array<std::string_view, 5> kNoPlace = {oid::kNameConstraints, oid::kPolicyMappings,
                                                      oid::kPolicyConstraints, oid::kExtKeyUsage,
                                                      oid::kInhibitAnyPolicy};

bool IsOneOf(BytesView id, std::span<const std::string_view> ids) {
  return std::ranges::find(ids, AsText(id)) != ids.end();
}

const Extension* Find(const CertificateParts& parts, std::string_view id, bool critical) {
  const Extension* extension = FindExtension(parts.extensions, id);
  return extension != nullptr && extension->critical == critical ? extension : nullptr;
}

const char* FindFieldFault(const CertificateParts& parts) {
  if (parts.version.size() != 1 || parts.version[0] != kVersion3) return "version 3 expected";
  const BytesView serial = parts.serial;
  const bool positive = (serial[0] & 0x80) == 0 && !(serial.size() == 1 && serial[0] == 0);
  if (!positive || serial.size() > kMaxSerialOctets) {
    return "a positive serial number of at most 20 octets is expected";
  }
  if (!IsEcdsaSha256(parts.inner_algorithm) || !IsEcdsaSha256(parts.outer_algorithm)) {
    return "the signature algorithm ecdsa-with-SHA256 without parameters is expected";
  }
  if (parts.unique_ids) {
    return "the fields issuerUniqueID and subjectUniqueID must be absent";
  }
  if (!parts.not_before.InRequiredForm() || !parts.not_after.InRequiredForm()) {
    return "validity: UTCTime through 2049 and GeneralizedTime from 2050 expected";
  }
  if (parts.not_after.time < parts.not_before.time) return "notAfter lies before notBefore";
  return nullptr;
}

const char* FindExtensionFault(const CertificateParts& parts, const PublicPoint& point) {
  for (const Extension& extension : parts.extensions) {
    if (CountExtensions(parts.extensions, AsText(extension.id)) != 1) {
      return "an extension occurs twice";
    }
    if (extension.critical && !IsOneOf(extension.id, kMayBeCritical)) {
      return "it has a critical extension that has no place in this kind of certificate";
    }
    if (IsOneOf(extension.id, kNoPlace)) return "it has an extension that the SMKI has no use for";
  }
  const Extension* subject = Find(parts, oid::kSubjectKeyIdentifier, false);
  const auto own = subject == nullptr ? std::nullopt : DecodeSubjectKeyIdentifier(subject->value);
  if (!own || !Equal(*own, KeyIdentifier(point))) {
    return "subjectKeyIdentifier: not critical, method 2 of the key, expected";
  }
  const Extension* authority = Find(parts, oid::kAuthorityKeyIdentifier, false);
  const auto issuer =
      authority == nullptr ? std::nullopt : DecodeAuthorityKeyIdentifier(authority->value);
  if (!issuer || issuer->other_fields || issuer->key_identifier.size() != kKeyIdentifierOctets) {
    return "authorityKeyIdentifier: not critical, a keyIdentifier of 8 octets and nothing else, "
           "expected";
  }
  const Extension* policies = Find(parts, oid::kCertificatePolicies, true);
  const auto listed =
      policies == nullptr ? std::nullopt : DecodeCertificatePolicies(policies->value);
  if (!listed || listed->size() != 1 || listed->front().qualified) {
    return "certificatePolicies: critical, one number without qualifiers, expected";
  }
  return nullptr;
}

Status Judged(const Certificate& certificate, const char* fault) {
  if (fault == nullptr) return Done{};
  return Failure(Reason::kProfile, certificate.Label() + ": " + fault);
}

// gbcs-cs02b.md 9.2: critical; nothing but what a CA does.
const char* FindAuthorityFault(const Certificate::Fields& fields) {
  if (fields.subject.attributes.empty()) return "the subject of a CA is not empty";
  const Extension* usage = Find(fields, oid::kKeyUsage, true);
  const auto bits = usage == nullptr ? std::nullopt : DecodeKeyUsage(usage->value);
  if (!bits || (*bits & ~(kKeyCertSignBit | kCrlSignBit)) != 0 || (*bits & kKeyCertSignBit) == 0) {
    return "keyUsage: critical, keyCertSign and at most cRLSign beside it, expected";
  }
  const Extension* basic = Find(fields, oid::kBasicConstraints, true);
  const auto constraints = basic == nullptr ? std::nullopt : DecodeBasicConstraints(basic->value);
  if (!constraints || !constraints->ca) return "basicConstraints, critical, of a CA expected";
  return nullptr;
}

}  // namespace

const char* FindDeviceFault(const CertificateParts& parts, const PublicPoint& point) {
  if (const char* fault = FindFieldFault(parts)) return fault;
  constexpr std::string_view kEmptyName("\x30\x00", 2);
  if (AsText(parts.subject_der) != kEmptyName) return "an empty subject is expected";
  // RFC 5280 section 4.1.2.4.
  if (AsText(parts.issuer_der) == kEmptyName) return "the name of an issuer is expected";
  if (Find(parts, oid::kKeyUsage, true) == nullptr) return "keyUsage, critical, is expected";
  const Extension* names = Find(parts, oid::kSubjectAltName, true);
  if (names == nullptr || !HardwareSerialNumber(names->value)) {
    return "subjectAltName: critical, one hardwareModuleName with an EUI-64, expected";
  }
  if (const Extension* basic = FindExtension(parts.extensions, oid::kBasicConstraints)) {
    const auto constraints = DecodeBasicConstraints(basic->value);
    if (!constraints || constraints->ca || constraints->path_length) {
      return "basicConstraints of a CA have no place in a device's certificate";
    }
  }
  return FindExtensionFault(parts, point);
}

Status CheckDeviceProfile(const Certificate& certificate) {
  const auto point = certificate.public_point();
  if (!point) return Judged(certificate, "expected a key on P-256");
  const auto usage = certificate.key_usage();
  if (usage != KeyUsage::kDigitalSignature && usage != KeyUsage::kKeyAgreement) {
    return Judged(certificate, "expected keyUsage keyAgreement or digitalSignature, nothing else");
  }
  return Judged(certificate, FindDeviceFault(certificate.fields(), *point));
}

Status CheckDeviceAuthorityProfile(const Certificate& certificate) {
  const auto point = certificate.public_point();
  if (!point) return Judged(certificate, "expected a key on P-256");
  const Certificate::Fields& fields = certificate.fields();
  if (const char* fault = FindFieldFault(fields)) return Judged(certificate, fault);
  if (const char* fault = FindAuthorityFault(fields)) return Judged(certificate, fault);
  return Judged(certificate, FindExtensionFault(fields, *point));
}

}  // namespace acb::smki
