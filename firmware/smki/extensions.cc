#include "firmware/smki/extensions.h"

#include <algorithm>
#include <array>
#include <bit>

namespace acb::smki {
namespace {

// id-on-hardwareModuleName, 1.3.6.1.5.5.7.8.4.
constexpr std::string_view kHardwareModuleName = "\x2b\x06\x01\x05\x05\x07\x08\x04";
constexpr std::size_t kMaxPolicies = 16;

bool IsTrue(const der::Element& boolean) {
  return boolean.content.size() == 1 && boolean.content[0] == 0xff;
}

}  // namespace

std::optional<std::vector<Extension>> ParseExtensions(const der::Element& extensions) {
  constexpr std::size_t kUsual = 8;
  std::vector<Extension> all;
  all.reserve(kUsual);
  der::Reader list(extensions);
  while (list.ok() && !list.AtEnd()) {
    der::Reader fields(list.Take(der::kSequence));
    Extension extension;
    extension.id = fields.Take(der::kOid).content;
    if (const auto critical = fields.TakeIf(der::kBoolean)) {
      if (!IsTrue(*critical)) return std::nullopt;
      extension.critical = true;
    }
    extension.value = fields.Take(der::kOctetString).content;
    if (!fields.Finished() || all.size() == kMaxExtensions) return std::nullopt;
    all.push_back(extension);
  }
  if (!list.Finished() || all.empty()) return std::nullopt;
  return all;
}

std::size_t CountExtensions(const std::vector<Extension>& extensions, std::string_view id) {
  std::size_t count = 0;
  for (const Extension& extension : extensions) count += AsText(extension.id) == id ? 1 : 0;
  return count;
}

const Extension* FindExtension(const std::vector<Extension>& extensions, std::string_view id) {
  const Extension* found = nullptr;
  for (const Extension& extension : extensions) {
    if (AsText(extension.id) != id) continue;
    if (found != nullptr) return nullptr;
    found = &extension;
  }
  return found;
}

std::optional<BasicConstraints> DecodeBasicConstraints(BytesView value) {
  if (der::FindFault(value)) return std::nullopt;
  der::Reader outer(value);
  der::Reader fields(outer.Take(der::kSequence));
  BasicConstraints constraints;
  if (const auto ca = fields.TakeIf(der::kBoolean)) {
    if (!IsTrue(*ca)) return std::nullopt;  // explicit DEFAULT
    constraints.ca = true;
  }
  if (const auto length = fields.TakeIf(der::kInteger)) {
    if (length->content.size() != 1 || (length->content[0] & 0x80) != 0) return std::nullopt;
    constraints.path_length = length->content[0];
  }
  if (!outer.Finished() || !fields.Finished()) return std::nullopt;
  return constraints;
}

std::optional<std::uint16_t> DecodeKeyUsage(BytesView value) {
  if (der::FindFault(value)) return std::nullopt;
  der::Reader outer(value);
  const der::Element bits = outer.Take(der::kBitString);
  if (!outer.Finished() || bits.content.size() > 3) return std::nullopt;
  const std::uint8_t unused = bits.content[0];
  const BytesView octets = bits.content.subspan(1);
  // A named bit list ends with a one bit (X.690 section 11.2.2).
  if (!octets.empty() && std::countr_zero(octets.back()) != unused) return std::nullopt;
  std::uint16_t usage = 0;
  if (!octets.empty()) usage = static_cast<std::uint16_t>(octets[0] << 8);
  if (octets.size() == 2) usage = static_cast<std::uint16_t>(usage | octets[1]);
  return usage;
}

std::optional<BytesView> DecodeSubjectKeyIdentifier(BytesView value) {
  if (der::FindFault(value)) return std::nullopt;
  der::Reader outer(value);
  const der::Element identifier = outer.Take(der::kOctetString);
  if (!outer.Finished()) return std::nullopt;
  return identifier.content;
}

std::optional<AuthorityKeyIdentifier> DecodeAuthorityKeyIdentifier(BytesView value) {
  if (der::FindFault(value)) return std::nullopt;
  der::Reader outer(value);
  der::Reader fields(outer.Take(der::kSequence));
  AuthorityKeyIdentifier identifier;
  if (const auto key = fields.TakeIf(der::ContextPrimitive(0))) {
    identifier.key_identifier = key->content;
  }
  const auto issuer = fields.TakeIf(der::ContextConstructed(1));
  const auto serial = fields.TakeIf(der::ContextPrimitive(2));
  identifier.other_fields = issuer.has_value() || serial.has_value();
  if (!outer.Finished() || !fields.Finished()) return std::nullopt;
  return identifier;
}

std::optional<std::vector<PolicyInformation>> DecodeCertificatePolicies(BytesView value) {
  if (der::FindFault(value)) return std::nullopt;
  der::Reader outer(value);
  der::Reader list(outer.Take(der::kSequence));
  std::vector<PolicyInformation> policies;
  while (list.ok() && !list.AtEnd()) {
    der::Reader fields(list.Take(der::kSequence));
    PolicyInformation policy;
    policy.id = fields.Take(der::kOid).content;
    policy.qualified = fields.TakeIf(der::kSequence).has_value();
    if (!fields.Finished() || policies.size() == kMaxPolicies) return std::nullopt;
    policies.push_back(policy);
  }
  if (!outer.Finished() || !list.Finished()) return std::nullopt;
  return policies;
}

bool IsGeneralNames(BytesView subject_alt_name) {
  // otherName, x400Address, directoryName and ediPartyName are constructed, the others primitive.
  constexpr std::array<std::uint8_t, 9> kKinds = {
      der::ContextConstructed(0), der::ContextPrimitive(1),   der::ContextPrimitive(2),
      der::ContextConstructed(3), der::ContextConstructed(4), der::ContextConstructed(5),
      der::ContextPrimitive(6),   der::ContextPrimitive(7),   der::ContextPrimitive(8)};
  if (der::FindFault(subject_alt_name)) return false;
  der::Reader outer(subject_alt_name);
  der::Reader names(outer.Take(der::kSequence));
  if (names.AtEnd()) return false;
  while (names.ok() && !names.AtEnd()) {
    if (std::ranges::find(kKinds, names.Take().tag) == kKinds.end()) return false;
  }
  return outer.Finished() && names.Finished();
}

bool HasHardwareModuleName(BytesView subject_alt_name) {
  if (!IsGeneralNames(subject_alt_name)) {
    return AsText(subject_alt_name).find(kHardwareModuleName) != std::string_view::npos;
  }
  der::Reader outer(subject_alt_name);
  der::Reader names(outer.Take(der::kSequence));
  while (names.ok() && !names.AtEnd()) {
    const der::Element general_name = names.Take();
    if (general_name.tag != der::ContextConstructed(0)) continue;
    der::Reader other_name(general_name);
    if (AsText(other_name.Take(der::kOid).content) == kHardwareModuleName) return true;
  }
  return false;
}

std::optional<Eui64> HardwareSerialNumber(BytesView subject_alt_name) {
  if (der::FindFault(subject_alt_name)) return std::nullopt;
  der::Reader outer(subject_alt_name);
  der::Reader names(outer.Take(der::kSequence));
  der::Reader other_name(names.Take(der::ContextConstructed(0)));
  const bool module = AsText(other_name.Take(der::kOid).content) == kHardwareModuleName;
  der::Reader value(other_name.Take(der::ContextConstructed(0)));
  der::Reader fields(value.Take(der::kSequence));
  fields.Take(der::kOid);  // hwType
  const der::Element serial = fields.Take(der::kOctetString);
  const bool whole = outer.Finished() && names.Finished() && other_name.Finished() &&
                     value.Finished() && fields.Finished();
  return module && whole ? Eui64::FromOctets(serial.content) : std::nullopt;
}

}  // namespace acb::smki
