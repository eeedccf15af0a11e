// Writes and signs 6.21 requests for tests, with OpenSSL and libxml2 and none of the code under
// test. A program that includes this links PkgConfig::LIBXML2 and OpenSSL::Crypto.
#pragma once

#include <libxml/c14n.h>
#include <libxml/parser.h>
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/base/base64.h"
#include "firmware/base/bytes.h"
#include "firmware/base/handle.h"
#include "firmware/base/sha256.h"

namespace acb::testing {

using KeyHandle = Handle<EVP_PKEY, EVP_PKEY_free>;

// What a 6.21 asks for, as text: a test can write anything into any field. An absent optional
// leaves its element out.
struct HandoverFields {
  std::string schema_version = "5.4";
  std::string request_id = "90-B3-D5-1F-30-01-00-00:00-DB-12-34-56-78-90-A3:1001";
  std::string command_variant = "1";
  std::string service_reference = "6.21";
  std::string service_reference_variant = "6.21";
  std::optional<std::string> execution;
  std::string role = "NetworkOperator";
  std::optional<std::string> floor = "0";
  std::optional<std::string> top_up_floor;
  std::string digital_signing_certificate;  // base64 of DER
  std::optional<std::string> key_agreement_certificate;
  std::optional<std::string> key_agreement_top_up_certificate;
  std::vector<std::string> certification_path;
  std::string apply_time_based_cpv_checks = "true";
};

// An unsigned Request, compact and in canonical form.
inline std::string MakeHandoverXml(const HandoverFields& fields) {
  const auto element = [](std::string_view name, const std::string& content) {
    return "<sr:" + std::string(name) + ">" + content + "</sr:" + std::string(name) + ">";
  };
  const auto optional = [&](std::string_view name, const std::optional<std::string>& content) {
    return content ? element(name, *content) : std::string();
  };
  std::string path;
  for (const std::string& certificate : fields.certification_path) {
    path += element("Certificate", certificate);
  }
  const std::string header = element("RequestID", fields.request_id) +
                             element("CommandVariant", fields.command_variant) +
                             element("ServiceReference", fields.service_reference) +
                             element("ServiceReferenceVariant", fields.service_reference_variant);
  const std::string certificates =
      element("DigitalSigningCertificate", fields.digital_signing_certificate) +
      optional("KeyAgreementCertificate", fields.key_agreement_certificate) +
      optional("KeyAgreementTopUpCertificate", fields.key_agreement_top_up_certificate);
  const std::string handover =
      optional("ExecutionDateTime", fields.execution) + element("RemotePartyRole", fields.role) +
      optional("RemotePartyFloorSeqNumber", fields.floor) +
      optional("RemotePartyPrepaymentTopUpFloorSeqNumber", fields.top_up_floor) +
      element("ReplacementCertificates", certificates) +
      element("CertificationPathCertificates", path) +
      element("ApplyTimeBasedCPVChecks", fields.apply_time_based_cpv_checks);
  return "<sr:Request xmlns:sr=\"http://www.dccinterface.co.uk/ServiceUserGateway\" "
         "schemaVersion=\"" +
         fields.schema_version + "\">" + element("Header", header) +
         element("Body", element("RequestHandoverOfDCCControlledDevice", handover)) +
         "</sr:Request>";
}

// Inclusive Canonical XML 1.0 without comments: what the Reference digests (duis-6.21.md 4.1, trap
// 1).
inline std::string Canonical(const std::string& xml) {
  const Handle<xmlDoc, xmlFreeDoc> document(
      xmlReadMemory(xml.data(), static_cast<int>(xml.size()), nullptr, nullptr,
                    XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING));
  if (!document) throw std::invalid_argument("not well-formed: " + xml.substr(0, 200));
  xmlChar* octets = nullptr;
  const int size = xmlC14NDocDumpMemory(document.get(), nullptr, XML_C14N_1_0, nullptr, 0, &octets);
  if (size < 0) throw std::runtime_error("no canonical form");
  std::string result(reinterpret_cast<const char*>(octets), static_cast<std::size_t>(size));
  xmlFree(octets);
  return result;
}

// The canonical SignedInfo of the profile (duis-6.21.md 4.4).
inline std::string SignedInfo(const std::string& digest_base64) {
  return "<ds:SignedInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">"
         "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\">"
         "</ds:CanonicalizationMethod><ds:SignatureMethod "
         "Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256\"></ds:SignatureMethod>"
         "<ds:Reference URI=\"\"><ds:Transforms><ds:Transform "
         "Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"></ds:Transform>"
         "</ds:Transforms><ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\">"
         "</ds:DigestMethod><ds:DigestValue>" +
         digest_base64 + "</ds:DigestValue></ds:Reference></ds:SignedInfo>";
}

// ECDSA over SHA-256, as r || s of 32 octets each.
inline Bytes EcdsaRaw(EVP_PKEY* key, std::string_view message) {
  const Handle<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  std::size_t size = 0;
  Bytes der;
  const auto* data = reinterpret_cast<const unsigned char*>(message.data());
  if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, data, message.size()) != 1) {
    throw std::runtime_error("cannot sign");
  }
  der.resize(size);
  if (EVP_DigestSign(context.get(), der.data(), &size, data, message.size()) != 1) {
    throw std::runtime_error("cannot sign");
  }
  const unsigned char* at = der.data();
  const Handle<ECDSA_SIG, ECDSA_SIG_free> pair(
      d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)));
  Bytes raw(64);
  if (!pair || BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), raw.data(), 32) != 32 ||
      BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), raw.data() + 32, 32) != 32) {
    throw std::runtime_error("no P-256 signature");
  }
  return raw;
}

inline std::string KeyInfo(const std::string& issuer, const std::string& serial_decimal) {
  return "<ds:KeyInfo><ds:X509Data><ds:X509IssuerSerial><ds:X509IssuerName>" + issuer +
         "</ds:X509IssuerName><ds:X509SerialNumber>" + serial_decimal +
         "</ds:X509SerialNumber></ds:X509IssuerSerial></ds:X509Data></ds:KeyInfo>";
}

// `xml` with `element` as the last child of its document element.
inline std::string WithLastChild(const std::string& xml, const std::string& element) {
  const std::size_t end = xml.rfind("</");
  if (end == std::string::npos) throw std::invalid_argument("no end tag");
  return xml.substr(0, end) + element + xml.substr(end);
}

// `text` with its first `from`, which must be there, replaced.
inline std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  if (at == std::string::npos) throw std::invalid_argument("not in the document: " + from);
  return text.replace(at, from.size(), to);
}

// `xml` without each part from `begin` to the next `end`.
inline std::string Without(std::string xml, std::string_view begin, std::string_view end) {
  for (std::size_t from = xml.find(begin); from != std::string::npos;
       from = xml.find(begin, from)) {
    const std::size_t to = xml.find(end, from);
    if (to == std::string::npos) throw std::invalid_argument("unended: " + std::string(begin));
    xml.erase(from, to + end.size() - from);
  }
  return xml;
}

// The Signature element with `signed_info`, which must be canonical. In the document SignedInfo has
// the namespace from Signature; only its canonical form repeats the declaration.
inline std::string SignatureText(const std::string& signed_info, const std::string& value,
                                 const std::string& key_info) {
  const std::string declaration = " xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"";
  return "<ds:Signature" + declaration + ">" + Replaced(signed_info, declaration, "") +
         "<ds:SignatureValue>" + value + "</ds:SignatureValue>" + key_info + "</ds:Signature>";
}

inline std::string SignatureElement(const std::string& signed_info, EVP_PKEY* key,
                                    const std::string& key_info) {
  return SignatureText(signed_info, ToBase64(EcdsaRaw(key, signed_info)), key_info);
}

// Signs `xml`, a Request without Signature or with a ds:Signature template, which is replaced.
// `issuer` is RFC 4514 text ("CN=Z1,OU=07"); both go into KeyInfo as they are.
inline std::string SignRequest(const std::string& xml, EVP_PKEY* key, const std::string& issuer,
                               const std::string& serial_decimal) {
  const std::string unsigned_xml = Without(xml, "<ds:Signature ", "</ds:Signature>");
  const std::string digest = ToBase64(Sha256(AsBytes(Canonical(unsigned_xml))));
  return WithLastChild(unsigned_xml,
                       SignatureElement(SignedInfo(digest), key, KeyInfo(issuer, serial_decimal)));
}

// compact.py of duis-6.21.md 4.5: no comments, no white space between elements.
inline std::string Compact(const std::string& xml) {
  const std::string bare = Without(xml, "<!--", "-->");
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  std::string out;
  for (std::size_t at = 0; at < bare.size(); ++at) {
    std::size_t next = at;
    while (next < bare.size() && blank(bare[next])) ++next;
    const bool between = !out.empty() && out.back() == '>';
    if (between && (next == bare.size() || bare[next] == '<')) at = next;
    if (at < bare.size()) out.push_back(bare[at]);
  }
  return out;
}

inline KeyHandle KeyFromPem(std::string_view pem) {
  const Handle<BIO, BIO_free> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  KeyHandle key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  if (!key) throw std::invalid_argument("no private key");
  return key;
}

}  // namespace acb::testing
