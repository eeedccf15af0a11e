// smki::Certificate::Parse and everything that is asked of a certificate before a signature.
#include "firmware/smki/certificate.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include "firmware/base/handle.h"
#include "firmware/smki/authority_profile.h"
#include "firmware/smki/device_identity.h"
#include "firmware/smki/profile.h"
#include "tests/fuzz/fuzz.h"

namespace {

using acb::fuzz::Require;
using acb::smki::Certificate;
using acb::smki::Name;

// What the profile lets through, OpenSSL reads and writes as the same octets: no second reading.
bool OpenSslAgrees(acb::BytesView der) {
  const unsigned char* at = der.data();
  const acb::Handle<X509, X509_free> read(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  ERR_clear_error();
  if (!read || at != der.data() + der.size()) return false;
  // From the fields, not from the octets that OpenSSL keeps.
  if (i2d_re_X509_tbs(read.get(), nullptr) <= 0) return false;
  unsigned char* octets = nullptr;
  const int size = i2d_X509(read.get(), &octets);
  const bool same = size >= 0 && acb::Equal(der, {octets, static_cast<std::size_t>(size)});
  OPENSSL_free(octets);
  return same;
}

void CheckName(const Name& name) {
  Require(name == name && !name.Key().empty() == !name.attributes.empty(), "a name is itself");
  const auto read = Name::FromText(name.Text());
  Require(!read || *read == name, "a name's text means that name, or nothing");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const acb::BytesView der{data, size};
  const auto parsed = Certificate::Parse(der);
  if (!parsed) return 0;
  const Certificate& certificate = **parsed;
  CheckName(certificate.issuer());
  CheckName(certificate.subject());
  Require(!certificate.Label().empty() && !certificate.SerialDecimal().empty(), "it has a label");
  const acb::smki::TrustSettings settings;
  const bool organisation = CheckOrganisationProfile(certificate, settings).has_value();
  const bool issuing = CheckIssuingAuthorityProfile(certificate, settings).has_value();
  const bool root = CheckRootProfile(certificate, settings).has_value();
  Require(organisation + issuing + root <= 1, "a certificate is of one kind");
  if (organisation || issuing || root) {
    Require(certificate.public_point().has_value(), "an accepted key is on P-256");
    Require(OpenSslAgrees(der), "OpenSSL reads the same certificate");
  }
  if (organisation) {
    Require(certificate.eui64() && certificate.ou_role() && certificate.key_usage(),
            "an organisation certificate says who and what for");
  }
  static_cast<void>(acb::smki::DeviceEui64(certificate));
  return 0;
}
