#include "firmware/smki/certificate.h"

#include <openssl/bn.h>
#include <openssl/crypto.h>

#include "firmware/base/handle.h"
#include "firmware/base/p256.h"
#include "firmware/base/utf8.h"
#include "firmware/smki/certificate_fields.h"
#include "firmware/smki/name_der.h"

namespace acb::smki {
namespace {

constexpr std::size_t kMaxCertificateOctets = 8 * 1024;
using namespace std::string_view_literals;

Failure NotACertificate(const std::string& why) {
  return Failure(Reason::kProfile, "the octets are not an X.509 certificate in strict DER: " + why);
}

// Names in explanations and logs have a limit (reliability.md section 4, Log).
std::string Shortened(std::string text) {
  constexpr std::size_t kMaxNameOctets = 200;
  if (text.size() <= kMaxNameOctets) return text;
  return std::string(Utf8Prefix(text, kMaxNameOctets)) + "...";
}

// SEQUENCE { OBJECT IDENTIFIER, ANY OPTIONAL }, whole.
std::optional<BytesView> TakeAlgorithm(der::Reader& reader) {
  const der::Element algorithm = reader.Take(der::kSequence);
  der::Reader fields(algorithm);
  fields.Take(der::kOid);
  if (!fields.AtEnd()) fields.Take();
  if (!reader.ok() || !fields.Finished()) return std::nullopt;
  return algorithm.whole;
}

bool TakeVersion(der::Reader& tbs, CertificateParts& fields) {
  const auto tagged = tbs.TakeIf(der::ContextConstructed(0));
  if (!tagged) return tbs.ok();
  der::Reader inside(*tagged);
  fields.version = inside.Take(der::kInteger).content;
  // v1 is the DEFAULT, so it may not be written (X.690 section 11.5).
  return inside.Finished() && !(fields.version.size() == 1 && fields.version[0] == 0);
}

bool TakeValidity(der::Reader& tbs, CertificateParts& fields) {
  der::Reader validity(tbs.Take(der::kSequence));
  const auto not_before = ParseTime(validity.Take());
  const auto not_after = ParseTime(validity.Take());
  if (!not_before || !not_after || !validity.Finished()) return false;
  fields.not_before = *not_before;
  fields.not_after = *not_after;
  return true;
}

bool TakeName(der::Reader& tbs, BytesView& der) {
  der = tbs.Take(der::kSequence).whole;
  return tbs.ok() && IsName(der);
}

bool TakePublicKey(der::Reader& tbs, CertificateParts& fields) {
  der::Reader key(tbs.Take(der::kSequence));
  const auto algorithm = TakeAlgorithm(key);
  const auto octets = der::WholeOctets(key.Take(der::kBitString));
  if (!algorithm || !octets || !key.Finished()) return false;
  fields.key_algorithm = *algorithm;
  fields.key_bits = *octets;
  return true;
}

bool TakeExtensions(der::Reader& tbs, CertificateParts& fields) {
  const auto issuer_id = tbs.TakeIf(der::ContextPrimitive(1));
  const auto subject_id = tbs.TakeIf(der::ContextPrimitive(2));
  fields.unique_ids = issuer_id.has_value() || subject_id.has_value();
  const auto tagged = tbs.TakeIf(der::ContextConstructed(3));
  if (!tagged) return tbs.ok();
  der::Reader inside(*tagged);
  auto extensions = ParseExtensions(inside.Take(der::kSequence));
  if (!extensions || !inside.Finished()) return false;
  fields.extensions = *std::move(extensions);
  return true;
}

// RFC 5280 section 4.1. Names the first field that is not as it should be.
const char* ReadTbs(CertificateParts& fields) {
  der::Reader outer(fields.tbs);
  der::Reader tbs(outer.Take(der::kSequence));
  if (!TakeVersion(tbs, fields)) return "version";
  fields.serial = tbs.Take(der::kInteger).content;
  if (!tbs.ok()) return "serialNumber";
  const auto algorithm = TakeAlgorithm(tbs);
  if (!algorithm) return "signature";
  fields.inner_algorithm = *algorithm;
  if (!TakeName(tbs, fields.issuer_der)) return "issuer";
  if (!TakeValidity(tbs, fields)) return "validity";
  if (!TakeName(tbs, fields.subject_der)) return "subject";
  if (!TakePublicKey(tbs, fields)) return "subjectPublicKeyInfo";
  if (!TakeExtensions(tbs, fields)) return "extensions";
  return tbs.Finished() ? nullptr : "the end of tbsCertificate";
}

const char* Read(BytesView der, CertificateParts& fields) {
  der::Reader outer(der);
  der::Reader certificate(outer.Take(der::kSequence));
  const der::Element tbs = certificate.Take(der::kSequence);
  const auto algorithm = TakeAlgorithm(certificate);
  const auto signature = der::WholeOctets(certificate.Take(der::kBitString));
  if (!outer.Finished() || !certificate.Finished() || !algorithm || !signature) {
    return "tbsCertificate, signatureAlgorithm, signatureValue";
  }
  fields.tbs = tbs.whole;
  fields.outer_algorithm = *algorithm;
  fields.signature = *signature;
  return ReadTbs(fields);
}

void DeriveSubject(Certificate::Fields& fields) {
  int ous = 0;
  int identifiers = 0;
  for (const RawAttribute& attribute : RawAttributes(fields.subject_der)) {
    if (attribute.type == kOrganisationalUnit) {
      fields.ou_role = ++ous == 1 ? RoleOfOu(attribute.value) : std::nullopt;
    } else if (attribute.type == kUniqueIdentifier) {
      fields.eui64 = ++identifiers == 1 ? EuiOfUniqueIdentifier(attribute.value) : std::nullopt;
    }
  }
}

void DeriveKeyIdentifiers(Certificate::Fields& fields) {
  if (const Extension* ski = FindExtension(fields.extensions, oid::kSubjectKeyIdentifier)) {
    fields.subject_key_identifier = DecodeSubjectKeyIdentifier(ski->value).value_or(BytesView{});
  }
  if (const Extension* aki = FindExtension(fields.extensions, oid::kAuthorityKeyIdentifier)) {
    const auto identifier = DecodeAuthorityKeyIdentifier(aki->value);
    if (identifier) fields.authority_key_identifier = identifier->key_identifier;
  }
}

}  // namespace

std::vector<RawAttribute> RawAttributes(BytesView der) {
  std::vector<RawAttribute> all;
  der::Reader outer(der);
  der::Reader rdns(outer.Take(der::kSequence));
  while (rdns.ok() && !rdns.AtEnd()) {
    der::Reader rdn(rdns.Take(der::kSet));
    const std::size_t first = all.size();
    while (rdn.ok() && !rdn.AtEnd()) {
      der::Reader pair(rdn.Take(der::kSequence));
      RawAttribute attribute;
      attribute.type = der::OidText(pair.Take(der::kOid).content);
      attribute.value = pair.Take();
      all.push_back(attribute);
    }
    for (std::size_t i = first; i < all.size(); ++i) all[i].alone = all.size() - first == 1;
  }
  return all;
}

std::optional<std::uint8_t> RoleOfOu(const der::Element& value) {
  if (value.tag != der::kUtf8String && value.tag != der::kPrintableString) return std::nullopt;
  const auto octets = FromHex(AsText(value.content));
  if (!octets || octets->size() != 1) return std::nullopt;
  return (*octets)[0];
}

std::optional<Eui64> EuiOfUniqueIdentifier(const der::Element& value) {
  const auto octets = der::WholeOctets(value);
  if (!octets) return std::nullopt;
  return Eui64::FromOctets(*octets);
}

bool IsNamedP256(BytesView algorithm) {
  // SEQUENCE { id-ecPublicKey, prime256v1 } (RFC 5480 section 2.1).
  return AsText(algorithm) ==
         "\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"sv;
}

bool IsEcdsaSha256(BytesView algorithm) {
  // SEQUENCE { ecdsa-with-SHA256 } (RFC 5758 section 3.2: parameters absent).
  return AsText(algorithm) == "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02"sv;
}

std::optional<std::string> ReadParts(BytesView der, CertificateParts& parts) {
  if (der.size() > kMaxCertificateOctets) {
    return "it has " + std::to_string(der.size()) + " octets, at most " +
           std::to_string(kMaxCertificateOctets) + " are taken";
  }
  if (auto fault = der::FindFault(der)) return fault;
  const char* field = Read(der, parts);
  if (field == nullptr) return std::nullopt;
  return std::string(field) + " is not as RFC 5280 section 4.1 has it";
}

std::optional<PublicPoint> PointOf(const CertificateParts& parts) {
  if (!IsNamedP256(parts.key_algorithm) || !IsOnP256(parts.key_bits)) return std::nullopt;
  PublicPoint point;
  std::copy(parts.key_bits.begin(), parts.key_bits.end(), point.begin());
  return point;
}

std::optional<KeyUsage> KeyUsageOf(const CertificateParts& parts) {
  const Extension* usage = FindExtension(parts.extensions, oid::kKeyUsage);
  const auto bits = usage == nullptr ? std::nullopt : DecodeKeyUsage(usage->value);
  // Equality, not a mask: exactly one.
  const std::uint16_t set = bits.value_or(0);
  if (set == kDigitalSignatureBit) return KeyUsage::kDigitalSignature;
  if (set == kKeyAgreementBit) return KeyUsage::kKeyAgreement;
  if (set == kKeyCertSignBit) return KeyUsage::kKeyCertSign;
  return std::nullopt;
}

Result<std::shared_ptr<const Certificate>> Certificate::Parse(BytesView der) {
  auto fields = std::make_unique<Fields>();
  if (der.size() <= kMaxCertificateOctets) fields->der = ToBytes(der);
  if (const auto fault = ReadParts(fields->der.empty() ? der : BytesView(fields->der), *fields)) {
    return NotACertificate(*fault);
  }
  fields->issuer = ParseName(fields->issuer_der).value_or(Name{});  // ReadParts saw that it is one
  fields->subject = ParseName(fields->subject_der).value_or(Name{});
  fields->sha256 = Sha256(fields->der);
  fields->point = PointOf(*fields);
  fields->key_usage = KeyUsageOf(*fields);
  DeriveSubject(*fields);
  DeriveKeyIdentifiers(*fields);
  return std::shared_ptr<const Certificate>(new Certificate(std::move(fields)));
}

Certificate::Certificate(std::unique_ptr<const Fields> fields) : fields_(std::move(fields)) {}
Certificate::~Certificate() = default;

BytesView Certificate::der() const { return fields_->der; }
const Sha256Digest& Certificate::sha256() const { return fields_->sha256; }
const Name& Certificate::issuer() const { return fields_->issuer; }
const Name& Certificate::subject() const { return fields_->subject; }
BytesView Certificate::serial() const { return fields_->serial; }
std::optional<Eui64> Certificate::eui64() const { return fields_->eui64; }
std::optional<std::uint8_t> Certificate::ou_role() const { return fields_->ou_role; }
std::optional<PublicPoint> Certificate::public_point() const { return fields_->point; }
const std::optional<VerifyingKey>& Certificate::verifying_key() const {
  std::call_once(key_made_, [this] {
    if (fields_->point) key_ = VerifyingKey::From(*fields_->point);
  });
  return key_;
}
std::optional<KeyUsage> Certificate::key_usage() const { return fields_->key_usage; }
BytesView Certificate::subject_key_identifier() const { return fields_->subject_key_identifier; }
BytesView Certificate::authority_key_identifier() const {
  return fields_->authority_key_identifier;
}
UtcTime Certificate::not_before() const { return fields_->not_before.time; }
UtcTime Certificate::not_after() const { return fields_->not_after.time; }

std::string Certificate::SerialDecimal() const {
  Bytes magnitude = ToBytes(fields_->serial);
  const bool negative = (magnitude[0] & 0x80) != 0;
  const Handle<BIGNUM, BN_free> number(
      BN_bin2bn(magnitude.data(), static_cast<int>(magnitude.size()), nullptr));
  if (!number) return "?";
  if (negative) {
    // Two's complement: the value is number - 2^bits.
    const Handle<BIGNUM, BN_free> power(BN_new());
    if (!power || BN_set_bit(power.get(), static_cast<int>(magnitude.size()) * 8) != 1 ||
        BN_sub(number.get(), number.get(), power.get()) != 1) {
      return "?";
    }
  }
  char* text = BN_bn2dec(number.get());
  if (text == nullptr) return "?";
  std::string decimal(text);
  OPENSSL_free(text);
  return decimal;
}

std::string Certificate::Label() const {
  // RFC 5280 section 4.1.2.2 ends at 20 octets; what is longer is somebody's game.
  constexpr std::size_t kMaxSerialOctets = 20;
  const std::string serial = fields_->serial.size() <= kMaxSerialOctets
                                 ? SerialDecimal()
                                 : "of " + std::to_string(fields_->serial.size()) + " octets";
  const std::string label = "serial " + serial + " issuer " + Shortened(fields_->issuer.Text());
  if (fields_->eui64) return label + " subject EUI-64 " + fields_->eui64->Plain();
  if (fields_->subject.attributes.empty()) return label + " subject (empty)";
  return label + " subject " + Shortened(fields_->subject.Text());
}

}  // namespace acb::smki
