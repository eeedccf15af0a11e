#include "tools/acbctl/operators.h"

#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>

#include "firmware/base/handle.h"
#include "platform/tls.h"

namespace acb::acbctl {
namespace {

using Certificate = Handle<X509, X509_free>;
using Key = Handle<EVP_PKEY, EVP_PKEY_free>;
using File = Handle<BIO, BIO_free_all>;

constexpr int kMaxPathCertificates = 8;

void PopFree(STACK_OF(X509) * path) { sk_X509_pop_free(path, X509_free); }

Failure Forbidden(const std::filesystem::path& file, std::string_view why) {
  return Failure(Reason::kForbidden, file.string() + " " + std::string(why));
}

Result<Certificate> ReadCertificate(const std::filesystem::path& file) {
  const File in(BIO_new_file(file.c_str(), "r"));
  Certificate certificate(in ? PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr) : nullptr);
  if (certificate) return certificate;
  return Failure(Reason::kConfiguration, "cannot read a certificate in PEM from " + file.string());
}

// What follows the certificate in its file: those between it and a CA of client_ca.
Handle<STACK_OF(X509), PopFree> ReadPath(const std::filesystem::path& file) {
  Handle<STACK_OF(X509), PopFree> path(sk_X509_new_null());
  const File in(BIO_new_file(file.c_str(), "r"));
  for (int left = kMaxPathCertificates; in && path && left >= 0; --left) {
    X509* certificate = PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr);
    if (certificate == nullptr) break;
    if (sk_X509_push(path.get(), certificate) == 0) std::abort();  // out of memory
  }
  return path;
}

Result<Key> ReadKeyOf(std::filesystem::path file) {
  file.replace_extension(".key");
  const File in(BIO_new_file(file.c_str(), "r"));
  Key key(in ? PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr) : nullptr);
  if (key) return key;
  return Failure(Reason::kConfiguration, "cannot read the certificate's key from " + file.string());
}

// As the service asks of a client's certificate, CRLs in the file included. Gives the CAs of its
// path (platform::IssuersIn).
Result<std::vector<std::string>> CheckIssued(const platform::Config& config, X509& certificate,
                                             const std::filesystem::path& file) {
  const Handle<X509_STORE, X509_STORE_free> store(X509_STORE_new());
  const Handle<X509_STORE_CTX, X509_STORE_CTX_free> context(X509_STORE_CTX_new());
  const auto path = ReadPath(file);
  if (!store || !context || !path) std::abort();  // out of memory
  if (Status loaded = platform::LoadIssuers(*store, config.tls_client_ca); !loaded) {
    return std::move(loaded).error();
  }
  if (X509_STORE_CTX_init(context.get(), store.get(), &certificate, path.get()) != 1) {
    return Failure(Reason::kConfiguration, "cannot read " + config.tls_client_ca.string());
  }
  X509_STORE_CTX_set_default(context.get(), "ssl_client");
  if (X509_verify_cert(context.get()) == 1) {
    return platform::IssuersIn(X509_STORE_CTX_get0_chain(context.get()));
  }
  return Forbidden(file,
                   std::string("is not a client certificate of [tls] client_ca: ") +
                       X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get())));
}

const platform::KnownClient* FindClient(const platform::Config& config, std::string_view identity) {
  const auto found = std::ranges::find(config.clients, identity, &platform::KnownClient::identity);
  return found == config.clients.end() ? nullptr : &*found;
}

// As the service asks: the one client that the certificate is of (platform/access.h), an operator
// from whom nothing was taken away.
Result<std::string> IdentityOf(const platform::Config& config, X509& certificate,
                               const std::vector<std::string>& issuers,
                               const std::filesystem::path& file) {
  const platform::KnownClient* client = nullptr;
  for (const std::string& identity : platform::DnsNamesOf(certificate)) {
    const platform::KnownClient* known = FindClient(config, identity);
    if (known == nullptr || known == client) continue;
    if (client != nullptr) return Forbidden(file, "is of two clients, so of none");
    client = known;
  }
  if (client == nullptr || client->role != platform::Role::kOperator) {
    return Forbidden(file, "is of nobody to whom the configuration gives the role operator");
  }
  if (!client->endpoints.empty()) {
    return Forbidden(file, "is of an operator who may do less than the role (\"endpoints\")");
  }
  if (!client->issuer.empty()) {
    const auto issuer = platform::DigestOfCertificate(client->issuer);
    if (!issuer) return issuer.error();
    if (std::ranges::count(issuers, *issuer) == 0) {
      return Forbidden(file, "is not issued by the CA that the configuration names for " +
                                 client->identity + " (\"issuer\")");
    }
  }
  return client->identity;
}

struct Operator {
  ProvenOperator proven;
  Key key;
};

Result<Operator> Prove(const platform::Config& config, const std::filesystem::path& file) {
  const auto certificate = ReadCertificate(file);
  if (!certificate) return certificate.error();
  auto key = ReadKeyOf(file);
  if (!key) return key.error();
  if (X509_check_private_key(certificate->get(), key->get()) != 1) {
    return Forbidden(file, "does not fit the key beside it");
  }
  const auto issuers = CheckIssued(config, **certificate, file);
  if (!issuers) return issuers.error();
  auto identity = IdentityOf(config, **certificate, *issuers, file);
  if (!identity) return std::move(identity).error();
  return Operator{{*std::move(identity), platform::DigestOf(**certificate)}, *std::move(key)};
}

}  // namespace

Result<std::vector<ProvenOperator>> ProveTwoOperators(
    const platform::Config& config, const std::vector<std::filesystem::path>& certificates) {
  if (certificates.size() != 2) {
    return Failure(Reason::kOtherOperator, "it takes two operators: --as CERT --as CERT2");
  }
  const auto one = Prove(config, certificates[0]);
  if (!one) return one.error();
  const auto two = Prove(config, certificates[1]);
  if (!two) return two.error();
  if (one->proven.identity == two->proven.identity) {
    return Failure(Reason::kOtherOperator,
                   "both certificates are of operator " + one->proven.identity + ": it takes two");
  }
  // Whoever holds the key is one operator, under whatever names.
  if (EVP_PKEY_eq(one->key.get(), two->key.get()) == 1) {
    return Failure(Reason::kOtherOperator, "the certificates of " + one->proven.identity + " and " +
                                               two->proven.identity +
                                               " are of one key, so of one operator: it takes two");
  }
  return std::vector<ProvenOperator>{one->proven, two->proven};
}

}  // namespace acb::acbctl
