#include "firmware/smki/profile_rules.h"

#include "firmware/base/utf8.h"
#include "firmware/smki/key_identifier.h"

namespace acb::smki {
namespace {

constexpr std::size_t kKeyIdentifierOctets = 8;

Failure Wrong(const Certificate& certificate, std::string_view what) {
  return ProfileFailure(certificate, Reason::kProfile, what);
}

Failure WrongAlgorithm(const Certificate& certificate, std::string_view what) {
  return ProfileFailure(certificate, Reason::kAlgorithm, what);
}

// The one extension of that OID, not critical.
const Extension* FindNotCritical(const Certificate& certificate, std::string_view id) {
  const Extension* extension = FindExtension(certificate.fields().extensions, id);
  return extension != nullptr && !extension->critical ? extension : nullptr;
}

std::string AlgorithmName(BytesView algorithm) {
  der::Reader outer(algorithm);
  der::Reader fields(outer.Take(der::kSequence));
  const std::string name = der::OidText(fields.Take(der::kOid).content);
  return fields.AtEnd() ? name : name + " with parameters";
}

}  // namespace

Failure ProfileFailure(const Certificate& certificate, Reason reason, std::string_view what) {
  return Failure(reason, certificate.Label() + ": " + std::string(what));
}

// gbcs-cs02b.md section 10, rule 1.
Status CheckVersion3(const Certificate& certificate) {
  constexpr std::uint8_t kVersion3 = 2;
  const BytesView version = certificate.fields().version;
  if (version.size() != 1 || version[0] != kVersion3) {
    return Wrong(certificate, "version 3 expected, found the number " +
                                  (version.empty() ? std::string("of version 1")
                                                   : ToHex(version) + " (version 3 is 02)"));
  }
  return Done{};
}

// gbcs-cs02b.md 9.1 and section 10, rule 1: the same algorithm in both places, no parameters, not
// even NULL. R-SEC3-5.
Status CheckSignatureAlgorithms(const Certificate& certificate) {
  const Certificate::Fields& fields = certificate.fields();
  if (!IsEcdsaSha256(fields.inner_algorithm) || !IsEcdsaSha256(fields.outer_algorithm)) {
    return WrongAlgorithm(certificate,
                          "ecdsa-with-SHA256 (1.2.840.10045.4.3.2) without parameters expected in "
                          "both places, found " +
                              AlgorithmName(fields.inner_algorithm) + " inside and " +
                              AlgorithmName(fields.outer_algorithm) + " outside");
  }
  return Done{};
}

// gbcs-cs02b.md section 10, rule 2. R-SEC3-5. Explicit parameters are CVE-2020-0601.
Status CheckKey(const Certificate& certificate) {
  const Certificate::Fields& fields = certificate.fields();
  if (!IsNamedP256(fields.key_algorithm)) {
    return WrongAlgorithm(certificate, "a P-256 key with the curve named is expected, found " +
                                           AlgorithmName(fields.key_algorithm));
  }
  if (!fields.point) {
    return WrongAlgorithm(
        certificate,
        "the public key is not an uncompressed point (04, 65 octets) on P-256: it has " +
            std::to_string(fields.key_bits.size()) + " octets" +
            (fields.key_bits.empty() ? "" : ", the first is " + ToHex(fields.key_bits.first(1))));
  }
  return Done{};
}

// RFC 5280 section 4.1.2.2. SMKI serial numbers have up to 128 bits (duis-6.21.md 7.2); we read
// this as what its CAs do, not as a limit below the RFC's 20 octets.
Status CheckSerial(const Certificate& certificate) {
  constexpr std::size_t kMaxSerialOctets = 20;
  const BytesView serial = certificate.serial();
  const bool positive = (serial[0] & 0x80) == 0 && !(serial.size() == 1 && serial[0] == 0);
  if (!positive || serial.size() > kMaxSerialOctets) {
    return Wrong(certificate,
                 "a positive serial number of at most 20 octets is expected, found one that is " +
                     std::string(positive ? "longer" : "zero or negative"));
  }
  return Done{};
}

bool IsCommonName(const der::Element& value) {
  constexpr std::size_t kMaxCharacters = 64;
  if (!der::IsText(value)) return false;
  std::string_view rest = AsText(value.content);
  std::size_t characters = 0;
  for (; !rest.empty(); ++characters) {
    const std::size_t length = Utf8Length(rest);
    const auto first = static_cast<std::uint8_t>(rest[0]);
    const bool c1 = length == 2 && first == 0xC2 && static_cast<std::uint8_t>(rest[1]) < 0xA0;
    if (length == 0 || first < 0x20 || first == 0x7F || c1) return false;
    rest.remove_prefix(length);
  }
  return characters >= 1 && characters <= kMaxCharacters;
}

// gbcs-cs02b.md 9.1, 9.2: OU of two hex digits and CN, one attribute per RDN, in either order.
Status CheckAuthorityName(const Certificate& certificate, BytesView name, std::string_view field,
                          bool ou_expected) {
  int ous = 0;
  int common_names = 0;
  bool sound = true;
  for (const RawAttribute& attribute : RawAttributes(name)) {
    const bool is_ou = attribute.type == kOrganisationalUnit && RoleOfOu(attribute.value);
    const bool is_common_name = attribute.type == kCommonName && IsCommonName(attribute.value);
    ous += is_ou ? 1 : 0;
    common_names += is_common_name ? 1 : 0;
    sound = sound && attribute.alone && (is_ou || is_common_name);
  }
  if (!sound || ous > 1 || (ou_expected && ous == 0) || common_names != 1) {
    return Wrong(certificate,
                 std::string(field) +
                     ": one OU of two hex digits and one CN expected (PrintableString "
                     "or UTF8String, one attribute per RDN), found " +
                     (field == "issuer" ? certificate.issuer() : certificate.subject()).Text());
  }
  return Done{};
}

// RFC 5280 section 4.1.2.5; that the dates exist is Parse's.
Status CheckValidityForm(const Certificate& certificate) {
  const Certificate::Fields& fields = certificate.fields();
  if (!fields.not_before.InRequiredForm() || !fields.not_after.InRequiredForm()) {
    return Wrong(certificate,
                 "validity: UTCTime through 2049 and GeneralizedTime from 2050 expected, found " +
                     certificate.not_before().Iso() + " and " + certificate.not_after().Iso() +
                     " in another form");
  }
  if (certificate.not_after() < certificate.not_before()) {
    return Wrong(certificate, "notAfter " + certificate.not_after().Iso() +
                                  " lies before notBefore " + certificate.not_before().Iso());
  }
  return Done{};
}

// gbcs-cs02b.md 9.1 and section 10, rule 6: RFC 5280 section 4.2.1.2 method (2).
Status CheckSubjectKeyIdentifier(const Certificate& certificate) {
  if (FindNotCritical(certificate, oid::kSubjectKeyIdentifier) == nullptr) {
    return Wrong(certificate, "one subjectKeyIdentifier, not critical, is expected");
  }
  const auto point = certificate.public_point();
  if (!point) return Wrong(certificate, "subjectKeyIdentifier: there is no P-256 key to compare");
  const Bytes expected = KeyIdentifier(*point);
  const BytesView found = certificate.subject_key_identifier();
  if (!Equal(found, expected)) {
    return Wrong(certificate, "subjectKeyIdentifier " + ToHex(expected) +
                                  " expected (method 2 of the key), found " +
                                  (found.empty() ? "another form" : ToHex(found)));
  }
  return Done{};
}

// gbcs-cs02b.md 9.1: only [0], 8 octets, not critical.
Status CheckAuthorityKeyIdentifier(const Certificate& certificate) {
  const Extension* extension = FindNotCritical(certificate, oid::kAuthorityKeyIdentifier);
  if (extension == nullptr) {
    return Wrong(certificate, "one authorityKeyIdentifier, not critical, is expected");
  }
  const auto identifier = DecodeAuthorityKeyIdentifier(extension->value);
  if (!identifier || identifier->other_fields ||
      identifier->key_identifier.size() != kKeyIdentifierOctets) {
    return Wrong(certificate,
                 "authorityKeyIdentifier: a keyIdentifier of 8 octets and nothing else expected");
  }
  return Done{};
}

// gbcs-cs02b.md 9.1 and section 10, rule 10: critical, this environment's policy and no other.
Status CheckPolicy(const Certificate& certificate, std::string_view policy_oid) {
  const Extension* extension =
      FindExtension(certificate.fields().extensions, oid::kCertificatePolicies);
  const std::string expected =
      "certificatePolicies: critical, exactly " + std::string(policy_oid) + " expected";
  if (extension == nullptr || !extension->critical) {
    return Wrong(certificate, expected + ", found none that is critical");
  }
  const auto policies = DecodeCertificatePolicies(extension->value);
  if (!policies || policies->size() != 1 || policies->front().qualified) {
    return Wrong(certificate, expected + ", found another number or qualifiers");
  }
  const std::string found = der::OidText(policies->front().id);
  if (found != policy_oid) return Wrong(certificate, expected + ", found " + found);
  return Done{};
}

// RFC 5280 section 4.1.2.8: not in use; the EUI-64 belongs in the name (gbcs-cs02b.md 9.1).
Status CheckNoUniqueIds(const Certificate& certificate) {
  if (certificate.fields().unique_ids) {
    return Wrong(certificate, "the fields issuerUniqueID and subjectUniqueID must be absent");
  }
  return Done{};
}

// RFC 5280 section 4.2: no extension twice.
Status CheckNoDuplicateExtension(const Certificate& certificate) {
  const auto& extensions = certificate.fields().extensions;
  for (const Extension& extension : extensions) {
    if (CountExtensions(extensions, AsText(extension.id)) != 1) {
      return Wrong(certificate, "extension " + der::OidText(extension.id) + " occurs twice");
    }
  }
  return Done{};
}

// RFC 5280 section 4.2; gbcs-cs02b.md section 10, rule 12.
Status CheckNoOtherLimits(const Certificate& certificate) {
  constexpr std::string_view kLimits[] = {oid::kNameConstraints, oid::kPolicyMappings,
                                          oid::kPolicyConstraints, oid::kExtKeyUsage,
                                          oid::kInhibitAnyPolicy};
  for (const Extension& extension : certificate.fields().extensions) {
    for (const std::string_view id : kLimits) {
      if (AsText(extension.id) != id) continue;
      return Wrong(certificate,
                   "extension " + der::OidText(extension.id) + " has no place in the SMKI");
    }
  }
  return Done{};
}

Status CheckCriticalExtensions(const Certificate& certificate,
                               std::initializer_list<std::string_view> understood) {
  for (const Extension& extension : certificate.fields().extensions) {
    if (!extension.critical) continue;
    bool known = false;
    for (const std::string_view id : understood) known = known || AsText(extension.id) == id;
    if (!known) {
      return Wrong(certificate, "critical extension " + der::OidText(extension.id) +
                                    " has no place in this kind of certificate");
    }
  }
  return Done{};
}

}  // namespace acb::smki
