// Extensions of certificates and revocation lists (RFC 5280 sections 4.2 and 5.2).
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "firmware/base/bytes.h"
#include "firmware/base/eui64.h"
#include "firmware/smki/der.h"

namespace acb::smki {

// Content octets of the OIDs, as AsText gives them: 55 1D nn is 2.5.29.nn.
namespace oid {
inline constexpr std::string_view kSubjectKeyIdentifier = "\x55\x1d\x0e";
inline constexpr std::string_view kKeyUsage = "\x55\x1d\x0f";
inline constexpr std::string_view kSubjectAltName = "\x55\x1d\x11";
inline constexpr std::string_view kNameConstraints = "\x55\x1d\x1e";
inline constexpr std::string_view kPolicyMappings = "\x55\x1d\x21";
inline constexpr std::string_view kPolicyConstraints = "\x55\x1d\x24";
inline constexpr std::string_view kExtKeyUsage = "\x55\x1d\x25";
inline constexpr std::string_view kInhibitAnyPolicy = "\x55\x1d\x36";
inline constexpr std::string_view kBasicConstraints = "\x55\x1d\x13";
inline constexpr std::string_view kCrlNumber = "\x55\x1d\x14";
inline constexpr std::string_view kReasonCode = "\x55\x1d\x15";
inline constexpr std::string_view kInvalidityDate = "\x55\x1d\x18";
inline constexpr std::string_view kDeltaCrlIndicator = "\x55\x1d\x1b";
inline constexpr std::string_view kIssuingDistributionPoint = "\x55\x1d\x1c";
inline constexpr std::string_view kCertificatePolicies = "\x55\x1d\x20";
inline constexpr std::string_view kAuthorityKeyIdentifier = "\x55\x1d\x23";
}  // namespace oid

struct Extension {
  BytesView id;  // content octets of the OID
  bool critical = false;
  BytesView value;  // content of extnValue
};

inline constexpr std::size_t kMaxExtensions = 32;

// `extensions`: the SEQUENCE OF Extension, strict DER. Nothing for another structure, an empty or
// over-long list, and an explicit critical FALSE (DEFAULT, X.690 section 11.5).
std::optional<std::vector<Extension>> ParseExtensions(const der::Element& extensions);

// How many have this OID.
std::size_t CountExtensions(const std::vector<Extension>& extensions, std::string_view id);
// nullptr unless there is exactly one.
const Extension* FindExtension(const std::vector<Extension>& extensions, std::string_view id);

// Contents of extnValue; each gives nothing for what is not exactly that type in strict DER.

struct BasicConstraints {
  bool ca = false;
  std::optional<std::uint8_t> path_length;
};
std::optional<BasicConstraints> DecodeBasicConstraints(BytesView value);

// keyUsage bits, bit 0 (digitalSignature) as the most significant of 16.
std::optional<std::uint16_t> DecodeKeyUsage(BytesView value);
constexpr std::uint16_t KeyUsageBit(int number) {
  return static_cast<std::uint16_t>(0x8000u >> number);
}
inline constexpr std::uint16_t kDigitalSignatureBit = KeyUsageBit(0);
inline constexpr std::uint16_t kKeyAgreementBit = KeyUsageBit(4);
inline constexpr std::uint16_t kKeyCertSignBit = KeyUsageBit(5);
inline constexpr std::uint16_t kCrlSignBit = KeyUsageBit(6);

std::optional<BytesView> DecodeSubjectKeyIdentifier(BytesView value);

struct AuthorityKeyIdentifier {
  BytesView key_identifier;   // [0]; empty when absent
  bool other_fields = false;  // [1] or [2] is there
};
std::optional<AuthorityKeyIdentifier> DecodeAuthorityKeyIdentifier(BytesView value);

struct PolicyInformation {
  BytesView id;  // content octets of the OID
  bool qualified = false;
};
std::optional<std::vector<PolicyInformation>> DecodeCertificatePolicies(BytesView value);

// Whether it is GeneralNames: one at least, each of a kind that RFC 5280 section 4.2.1.6 knows.
bool IsGeneralNames(BytesView subject_alt_name);
// Whether subjectAltName holds an otherName of id-on-hardwareModuleName (RFC 4108 section 5): the
// mark of a device certificate (gbcs-cs02b.md 9.4). In what cannot be read, that OID anywhere:
// another reader may see the name.
bool HasHardwareModuleName(BytesView subject_alt_name);
// Its hwSerialNum when it is the one name there and of 8 octets.
std::optional<Eui64> HardwareSerialNumber(BytesView subject_alt_name);

}  // namespace acb::smki
