#include "tools/acbctl/tls_material.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <array>

#include "firmware/base/handle.h"

namespace acb::acbctl {
namespace {

using Key = Handle<EVP_PKEY, EVP_PKEY_free>;
using Certificate = Handle<X509, X509_free>;
using Extension = Handle<X509_EXTENSION, X509_EXTENSION_free>;
using Bio = Handle<BIO, BIO_free_all>;

// A client or service whose clock is behind takes it all the same.
constexpr long kBackdatedSeconds = 24L * 3600;
constexpr long kValiditySeconds = 3650L * 24 * 3600;

Failure OpenSslFailure() {
  return Failure(Reason::kConfiguration, "OpenSSL could not make TLS material");
}

std::string Text(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return std::string(data, static_cast<std::size_t>(size));
}

std::string ToPem(const X509& certificate) {
  const Bio bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio_X509(bio.get(), const_cast<X509*>(&certificate)) != 1) return {};
  return Text(bio.get());
}

std::string ToPem(const EVP_PKEY& key) {
  const Bio bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio_PrivateKey(bio.get(), const_cast<EVP_PKEY*>(&key), nullptr, nullptr, 0,
                                       nullptr, nullptr) != 1) {
    return {};
  }
  return Text(bio.get());
}

std::string PublicToPem(const EVP_PKEY& key) {
  const Bio bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio_PUBKEY(bio.get(), const_cast<EVP_PKEY*>(&key)) != 1) return {};
  return Text(bio.get());
}

bool AddExtension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

// Name, serial, validity and key; the caller adds extensions and signs.
Certificate Begin(EVP_PKEY* key, const std::string& name) {
  Certificate certificate(X509_new());
  std::array<std::uint8_t, 16> serial;
  if (!certificate || RAND_bytes(serial.data(), serial.size()) != 1) return nullptr;
  serial[0] &= 0x7F;  // positive
  const Handle<BIGNUM, BN_free> number(BN_bin2bn(serial.data(), serial.size(), nullptr));
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  const bool ok =
      number && X509_set_version(certificate.get(), X509_VERSION_3) == 1 &&
      BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate.get())) != nullptr &&
      X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                 reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1,
                                 0) == 1 &&
      X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -kBackdatedSeconds) != nullptr &&
      X509_gmtime_adj(X509_getm_notAfter(certificate.get()), kValiditySeconds) != nullptr &&
      X509_set_pubkey(certificate.get(), key) == 1;
  return ok ? std::move(certificate) : nullptr;
}

}  // namespace

struct TlsAuthority::State {
  Key key;
  Certificate certificate;
};

TlsAuthority::TlsAuthority(std::unique_ptr<State> state, std::string certificate_pem)
    : state_(std::move(state)), certificate_pem_(std::move(certificate_pem)) {}
TlsAuthority::~TlsAuthority() = default;
TlsAuthority::TlsAuthority(TlsAuthority&&) noexcept = default;

Result<TlsAuthority> TlsAuthority::Make() {
  Key key(EVP_EC_gen("P-256"));
  if (!key) return OpenSslFailure();
  Certificate certificate = Begin(key.get(), "acbd TLS authority (test set-up)");
  if (!certificate ||
      X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get())) != 1 ||
      !AddExtension(certificate.get(), certificate.get(), NID_basic_constraints,
                    "critical,CA:TRUE,pathlen:0") ||
      !AddExtension(certificate.get(), certificate.get(), NID_key_usage,
                    "critical,keyCertSign,cRLSign") ||
      !AddExtension(certificate.get(), certificate.get(), NID_subject_key_identifier, "hash") ||
      X509_sign(certificate.get(), key.get(), EVP_sha256()) == 0) {
    return OpenSslFailure();
  }
  std::string pem = ToPem(*certificate);
  return TlsAuthority(std::make_unique<State>(State{std::move(key), std::move(certificate)}),
                      std::move(pem));
}

Result<TlsIdentity> TlsAuthority::IssueServer(const std::string& dns_name) const {
  return Issue(dns_name, "DNS:" + dns_name + ",DNS:localhost,IP:127.0.0.1", "serverAuth");
}

Result<TlsIdentity> TlsAuthority::IssueClient(const std::string& dns_name) const {
  return Issue(dns_name, "DNS:" + dns_name, "clientAuth");
}

Result<TlsIdentity> TlsAuthority::Issue(const std::string& name,
                                        const std::string& alternative_names,
                                        const char* extended_usage) const {
  const Key key(EVP_EC_gen("P-256"));
  if (!key) return OpenSslFailure();
  const Certificate certificate = Begin(key.get(), name);
  X509* issuer = state_->certificate.get();
  if (!certificate || X509_set_issuer_name(certificate.get(), X509_get_subject_name(issuer)) != 1 ||
      !AddExtension(certificate.get(), issuer, NID_basic_constraints, "critical,CA:FALSE") ||
      !AddExtension(certificate.get(), issuer, NID_key_usage, "critical,digitalSignature") ||
      !AddExtension(certificate.get(), issuer, NID_ext_key_usage, extended_usage) ||
      !AddExtension(certificate.get(), issuer, NID_subject_alt_name, alternative_names) ||
      !AddExtension(certificate.get(), issuer, NID_subject_key_identifier, "hash") ||
      !AddExtension(certificate.get(), issuer, NID_authority_key_identifier, "keyid") ||
      X509_sign(certificate.get(), state_->key.get(), EVP_sha256()) == 0) {
    return OpenSslFailure();
  }
  return TlsIdentity{ToPem(*certificate), ToPem(*key)};
}

Result<KeyPair> MakeKeyPair() {
  const Key key(EVP_EC_gen(SN_X9_62_prime256v1));
  if (!key) return OpenSslFailure();
  KeyPair pair{.public_pem = PublicToPem(*key), .private_pem = ToPem(*key)};
  if (pair.public_pem.empty() || pair.private_pem.empty()) return OpenSslFailure();
  return pair;
}

}  // namespace acb::acbctl
