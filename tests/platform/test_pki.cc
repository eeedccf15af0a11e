#include "tests/platform/test_pki.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

namespace acb::testing {
namespace {

using File = Handle<std::FILE, std::fclose>;

void Require(bool good) {
  if (!good) std::abort();  // the test's own PKI cannot be made: nothing to test
}

Key NewKey() { return Key(EVP_EC_gen("P-256")); }

void SetName(X509_NAME* name, const std::string& common_name) {
  Require(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                     reinterpret_cast<const unsigned char*>(common_name.c_str()),
                                     -1, -1, 0) == 1);
}

void AddExtension(X509& certificate, X509& issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, &issuer, &certificate, nullptr, nullptr, 0);
  const Handle<X509_EXTENSION, X509_EXTENSION_free> extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  Require(extension != nullptr && X509_add_ext(&certificate, extension.get(), -1) == 1);
}

X509Ptr NewCertificate(EVP_PKEY& key, const std::string& name, long serial) {
  X509Ptr certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial);
  SetName(X509_get_subject_name(certificate.get()), name);
  X509_set_pubkey(certificate.get(), &key);
  return certificate;
}

void WritePem(const std::filesystem::path& path, const X509& certificate) {
  const File file(std::fopen(path.c_str(), "w"));
  Require(file && PEM_write_X509(file.get(), const_cast<X509*>(&certificate)) == 1);
}

void WritePem(const std::filesystem::path& path, EVP_PKEY& key) {
  const File file(std::fopen(path.c_str(), "w"));
  Require(file && PEM_write_PrivateKey(file.get(), &key, nullptr, nullptr, 0, nullptr, nullptr));
  ::chmod(path.c_str(), 0600);
}

}  // namespace

TemporaryDirectory::TemporaryDirectory() {
  std::string name = (std::filesystem::temp_directory_path() / "acb-platform-XXXXXX").string();
  Require(::mkdtemp(name.data()) != nullptr);
  path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::filesystem::path TemporaryDirectory::Write(const std::string& name,
                                                std::string_view content) const {
  const auto file = path_ / name;
  std::ofstream(file, std::ios::binary) << content;
  ::chmod(file.c_str(), 0600);
  return file;
}

TestCa::TestCa(const TemporaryDirectory& directory, const std::string& name)
    : directory_(directory),
      name_(name),
      key_(NewKey()),
      certificate_(NewCertificate(*key_, name, serial_++)),
      pem_(directory.path() / (name + ".pem")) {
  X509_set_issuer_name(certificate_.get(), X509_get_subject_name(certificate_.get()));
  X509_gmtime_adj(X509_getm_notBefore(certificate_.get()), -7200);
  X509_gmtime_adj(X509_getm_notAfter(certificate_.get()), 86400);
  AddExtension(*certificate_, *certificate_, NID_basic_constraints, "critical,CA:TRUE");
  AddExtension(*certificate_, *certificate_, NID_key_usage, "critical,keyCertSign,cRLSign");
  AddExtension(*certificate_, *certificate_, NID_subject_key_identifier, "hash");
  Require(X509_sign(certificate_.get(), key_.get(), EVP_sha256()) > 0);
  WritePem(pem_, *certificate_);
}

PemPair TestCa::Issue(const Subject& subject) {
  const Key key = NewKey();
  const X509Ptr leaf = NewCertificate(*key, subject.file, serial_++);
  X509_set_issuer_name(leaf.get(), X509_get_subject_name(certificate_.get()));
  X509_gmtime_adj(X509_getm_notBefore(leaf.get()), subject.valid_from_seconds);
  X509_gmtime_adj(X509_getm_notAfter(leaf.get()), subject.valid_for_seconds);
  AddExtension(*leaf, *certificate_, NID_ext_key_usage, subject.usage);
  std::string names;
  for (const auto& name : subject.dns_names) names += (names.empty() ? "DNS:" : ",DNS:") + name;
  for (const auto& ip : subject.ip_addresses) names += (names.empty() ? "IP:" : ",IP:") + ip;
  if (!names.empty()) AddExtension(*leaf, *certificate_, NID_subject_alt_name, names);
  Require(X509_sign(leaf.get(), key_.get(), EVP_sha256()) > 0);
  PemPair pair{directory_.path() / (subject.file + ".pem"),
               directory_.path() / (subject.file + ".key")};
  WritePem(pair.certificate, *leaf);
  WritePem(pair.key, *key);
  return pair;
}

std::filesystem::path TestCa::PemWithCrl(const std::vector<PemPair>& revoked) const {
  const Handle<X509_CRL, X509_CRL_free> crl(X509_CRL_new());
  X509_CRL_set_version(crl.get(), 1);
  X509_CRL_set_issuer_name(crl.get(), X509_get_subject_name(certificate_.get()));
  const Handle<ASN1_TIME, ASN1_TIME_free> before(X509_gmtime_adj(nullptr, -60));
  const Handle<ASN1_TIME, ASN1_TIME_free> after(X509_gmtime_adj(nullptr, 3600));
  X509_CRL_set1_lastUpdate(crl.get(), before.get());
  X509_CRL_set1_nextUpdate(crl.get(), after.get());
  for (const PemPair& pair : revoked) {
    const File file(std::fopen(pair.certificate.c_str(), "r"));
    const X509Ptr leaf(PEM_read_X509(file.get(), nullptr, nullptr, nullptr));
    X509_REVOKED* entry = X509_REVOKED_new();
    X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(leaf.get()));
    X509_REVOKED_set_revocationDate(entry, before.get());
    Require(X509_CRL_add0_revoked(crl.get(), entry) == 1);  // takes the entry
  }
  Require(X509_CRL_sign(crl.get(), key_.get(), EVP_sha256()) > 0);
  const auto path = directory_.path() / (name_ + "-with-crl.pem");
  const File file(std::fopen(path.c_str(), "w"));
  Require(PEM_write_X509(file.get(), certificate_.get()) == 1 &&
          PEM_write_X509_CRL(file.get(), crl.get()) == 1);
  return path;
}

}  // namespace acb::testing
