#include "firmware/duis/signature_profile.h"

#include <algorithm>
#include <string>
#include <utility>

#include "firmware/base/base64.h"

namespace acb::duis {
namespace {

void Fail(Reading& reading, std::string explanation) {
  reading.Fail(kXmlSignature.reason, std::move(explanation));
}

// An element that has the attribute Algorithm, with this value, and no child: no
// InclusiveNamespaces, no HMACOutputLength, no XPath.
void ReadAlgorithm(Reading& reading, Sequence& parent, std::string_view name,
                   std::string_view algorithm) {
  Sequence element(reading, kXmlSignature, parent.Element(name), {"Algorithm"});
  const std::string found = element.Attribute("Algorithm");
  if (found != algorithm) {
    Fail(reading, "ds:" + std::string(name) + " is " + Printable(found) + "; only " +
                      std::string(algorithm) + " is accepted");
  }
  element.End();
}

Bytes Octets(Reading& reading, std::string_view name, const std::string& text, std::size_t size) {
  auto octets = FromBase64(text);
  if (!octets || octets->size() != size) {
    Fail(reading, "ds:" + std::string(name) + " is not the base64 of " + std::to_string(size) +
                      " octets" + (octets ? " but of " + std::to_string(octets->size()) : ""));
    return Bytes(size);
  }
  return *std::move(octets);
}

Sha256Digest ReadReference(Reading& reading, const xmlNode* element) {
  Sequence children(reading, kXmlSignature, element, {"URI"});
  const std::string uri = children.Attribute("URI");
  // "" is the whole document: nothing that is read from the Request is left out.
  if (!uri.empty())
    Fail(reading, "ds:Reference has the URI " + Printable(uri) + "; only \"\" is accepted");
  Sequence transforms(reading, kXmlSignature, children.Element("Transforms"));
  ReadAlgorithm(reading, transforms, "Transform", kEnvelopedSignature);
  transforms.End();
  ReadAlgorithm(reading, children, "DigestMethod", kSha256);
  const Bytes octets =
      Octets(reading, "DigestValue", children.Text("DigestValue"), std::tuple_size_v<Sha256Digest>);
  children.End();
  Sha256Digest digest{};
  std::copy(octets.begin(), octets.end(), digest.begin());
  return digest;
}

// Content octets of the INTEGER, big-endian. xs:integer as a number: "+7" and "007" are 7 there
// too. Nothing for what is not one of at most kSerialDigits digits, or negative.
std::optional<Bytes> SerialFromDecimal(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) {
    return std::nullopt;
  }
  text.remove_prefix(std::min(text.find_first_not_of('0'), text.size() - 1));
  if (text.size() > kSerialDigits) return std::nullopt;
  Bytes little_endian{0};
  for (const char digit : text) {
    unsigned carry = static_cast<unsigned>(digit - '0');
    for (std::uint8_t& octet : little_endian) {
      carry += octet * 10u;
      octet = static_cast<std::uint8_t>(carry & 0xFF);
      carry >>= 8;
    }
    if (carry != 0) little_endian.push_back(static_cast<std::uint8_t>(carry));
  }
  if ((little_endian.back() & 0x80) != 0) little_endian.push_back(0);  // stays positive
  return Bytes(little_endian.rbegin(), little_endian.rend());
}

// KeyInfo is not signed: what it says is a look-up key and nothing else (duis-6.21.md 4.3).
std::optional<SignerName> ReadKeyInfo(Reading& reading, const xmlNode* element) {
  Sequence key_info(reading, kXmlSignature, element);
  Sequence data(reading, kXmlSignature, key_info.Element("X509Data"));
  key_info.End();
  Sequence issuer_serial(reading, kXmlSignature, data.Element("X509IssuerSerial"));
  data.End();
  const std::string issuer = Collapse(issuer_serial.Text("X509IssuerName"));
  const std::string serial = Collapse(issuer_serial.Text("X509SerialNumber"));
  issuer_serial.End();
  if (!reading.ok()) return std::nullopt;

  auto name = smki::Name::FromText(issuer);
  if (!name)
    Fail(reading, "ds:X509IssuerName is '" + Printable(issuer) + "', not a name (CN=Z1,OU=07)");
  auto octets = SerialFromDecimal(serial);
  if (!octets) {
    Fail(reading, "ds:X509SerialNumber is '" + Printable(serial) + "', not a decimal of at most " +
                      std::to_string(kSerialDigits) + " digits");
  }
  if (!reading.ok()) return std::nullopt;
  return SignerName{*std::move(name), *std::move(octets)};
}

}  // namespace

std::optional<SignatureClaims> ReadSignature(Reading& reading, const xmlNode* signature) {
  Sequence children(reading, kXmlSignature, signature);
  Sequence signed_info(reading, kXmlSignature, children.Element("SignedInfo"));
  ReadAlgorithm(reading, signed_info, "CanonicalizationMethod", kExclusiveC14n);
  ReadAlgorithm(reading, signed_info, "SignatureMethod", kEcdsaSha256);
  const Sha256Digest digest = ReadReference(reading, signed_info.Element("Reference"));
  signed_info.End();
  // A DER-encoded signature has another length (duis-6.21.md 4.1).
  const Bytes value =
      Octets(reading, "SignatureValue", children.Text("SignatureValue"), kSignatureOctets);
  auto signer = ReadKeyInfo(reading, children.Element("KeyInfo"));
  children.End();
  if (!reading.ok()) return std::nullopt;
  SignatureClaims claims{*std::move(signer), digest, {}};
  std::copy(value.begin(), value.end(), claims.signature.begin());
  return claims;
}

}  // namespace acb::duis
