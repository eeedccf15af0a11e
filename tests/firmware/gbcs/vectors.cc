#include "tests/firmware/gbcs/vectors.h"

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cstdlib>

#include "firmware/base/base64.h"
#include "firmware/base/handle.h"
#include "firmware/base/secret.h"
#include "tests/fakes/reserved_counter.h"
#include "tests/support/shared.h"

namespace acb::testing {
namespace {

using Bio = Handle<BIO, BIO_free>;
using Key = Handle<EVP_PKEY, EVP_PKEY_free>;
using KeyContext = Handle<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using Certificate = Handle<X509, X509_free>;

// Test set-up that fails leaves nothing to test.
void Require(bool condition) {
  if (!condition) std::abort();
}

Bio OpenPem(std::string_view file) {
  const std::string text = ReadText(SharedDir() / "rtds" / "certificates" / file);
  Bio bio(BIO_new(BIO_s_mem()));
  BIO_write(bio.get(), text.data(), static_cast<int>(text.size()));
  return bio;
}

Certificate OpenCertificate(std::string_view name) {
  const Bio bio = OpenPem(std::string(name) + ".pem");
  Certificate certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  Require(certificate != nullptr);
  return certificate;
}

Key ToKey(const PublicPoint& point) {
  const Bytes spki_prefix = Hex("3059301306072a8648ce3d020106082a8648ce3d030107034200");
  const Bytes spki = ByteWriter().Raw(spki_prefix).Raw(point).bytes();
  const std::uint8_t* at = spki.data();
  Key key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
  Require(key != nullptr);
  return key;
}

// The one path certificate, which is the same in the DUIS templates and in the messages.
Bytes IssuingCertificate() {
  const std::string xml =
      ReadText(SharedDir() / "rtds" / "duis" / "CS02bNOByNOHandover_6.21_SUCCESS_REQUEST_DUIS.XML");
  constexpr std::string_view kOpen = "<sr:Certificate>";
  const std::size_t start = xml.find(kOpen) + kOpen.size();
  const auto der = FromBase64(std::string_view(xml).substr(start, xml.find('<', start) - start));
  Require(der.has_value());
  return *der;
}

gbcs::HandoverContent Content(std::string_view eui) {
  gbcs::HandoverContent content;
  content.acb = kAcb;
  content.floor = FloorSeqNumber::From(0);
  content.digital_signing_certificate = ReadCertificate(std::string(eui) + "-ds");
  content.key_agreement_certificate = ReadCertificate(std::string(eui) + "-ka");
  content.certification_path = {IssuingCertificate()};
  return content;
}

}  // namespace

Bytes Hex(std::string_view text) {
  std::string digits;
  for (const char c : text) {
    if (c != ' ' && c != '\n' && c != '\r') digits.push_back(c);
  }
  const auto bytes = FromHex(digits);
  Require(bytes.has_value());
  return *bytes;
}

Bytes ReadVector(std::string_view name) {
  return Hex(ReadText(SharedDir() / "rtds" / "gbcs" / (std::string(name) + "_GBCS.HEX")));
}

Bytes ReadCertificate(std::string_view name) {
  const Certificate certificate = OpenCertificate(name);
  Bytes der(static_cast<std::size_t>(i2d_X509(certificate.get(), nullptr)));
  std::uint8_t* at = der.data();
  i2d_X509(certificate.get(), &at);
  return der;
}

PublicPoint ReadPublicKey(std::string_view name) {
  const Certificate certificate = OpenCertificate(name);
  PublicPoint point{};
  std::size_t size = 0;
  Require(EVP_PKEY_get_octet_string_param(X509_get0_pubkey(certificate.get()),
                                          OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size(),
                                          &size) == 1);
  Require(size == point.size());
  return point;
}

Secret Ecdh(std::string_view private_key_name, const PublicPoint& point) {
  const Bio bio = OpenPem(std::string(private_key_name) + ".key");
  const Key own(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  Require(own != nullptr);
  const Key peer = ToKey(point);
  const KeyContext context(EVP_PKEY_CTX_new(own.get(), nullptr));
  Secret z(32);
  std::size_t size = z.size();
  Require(EVP_PKEY_derive_init(context.get()) == 1 &&
          EVP_PKEY_derive_set_peer(context.get(), peer.get()) == 1 &&
          EVP_PKEY_derive(context.get(), z.Writable().data(), &size) == 1 && size == z.size());
  return z;
}

gbcs::HandoverContent NetworkOperatorContent() { return Content("90b3d51f30020000"); }

gbcs::HandoverContent SupplierContent() {
  gbcs::HandoverContent content = Content("90b3d51f30010000");
  content.prepayment_top_up_floor = FloorSeqNumber::From(0);
  content.key_agreement_top_up_certificate = ReadCertificate("90b3d51f30010000-pp-ka");
  return content;
}

ReservedCounter ReserveFor(RemotePartyRole role, std::uint64_t counter) {
  // The DUIS request's own originator and counter, which must not show in the command.
  const RequestId request{Eui64(0x90B3D51F30010000), kGpf, 1001};
  return Reserve(request, role, OriginatorCounter::From(counter).value());
}

gbcs::Signature SignatureOf(BytesView vector) {
  gbcs::Signature signature;
  const BytesView octets = vector.last(12 + 64).first(64);
  std::copy(octets.begin(), octets.end(), signature.begin());
  return signature;
}

gbcs::Mac MacOf(BytesView vector) {
  gbcs::Mac mac;
  const BytesView octets = vector.last(12);
  std::copy(octets.begin(), octets.end(), mac.begin());
  return mac;
}

BytesView UnsignedPartOf(BytesView vector) {
  constexpr std::size_t kMacHeader = 15;
  return vector.subspan(kMacHeader, vector.size() - kMacHeader - 1 - 64 - 12);
}

gbcs::HandoverContent SmallContent(RemotePartyRole role) {
  gbcs::HandoverContent content;
  content.acb = kAcb;
  content.floor = FloorSeqNumber::From(7);
  content.digital_signing_certificate = Hex("3003 020101");
  content.key_agreement_certificate = Hex("3003 020102");
  content.certification_path = {Hex("3003 020103"), Hex("3003 020104")};
  if (role == RemotePartyRole::kSupplier) {
    content.prepayment_top_up_floor = FloorSeqNumber::From(8);
    content.key_agreement_top_up_certificate = Hex("3003 020105");
  }
  return content;
}

}  // namespace acb::testing
