#include "tools/bench/tls_pair.h"

#include <openssl/bio.h>

#include <utility>

namespace acb::bench {
namespace {

constexpr std::size_t kBuffer = 64 * 1024;
constexpr int kMaxSteps = 10;  // of a handshake

Failure Failed(const char* what) { return Failure(Reason::kConfiguration, {}, what); }

}  // namespace

Result<std::unique_ptr<TlsPair>> TlsPair::Open(BytesView certificate, EVP_PKEY* key) {
  std::unique_ptr<TlsPair> pair(new TlsPair);
  pair->server_context_.reset(SSL_CTX_new(TLS_server_method()));
  pair->client_context_.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* const server = pair->server_context_.get();
  if (server == nullptr || !pair->client_context_ ||
      SSL_CTX_set_min_proto_version(server, TLS1_3_VERSION) != 1 ||
      SSL_CTX_set_num_tickets(server, 0) != 1 ||
      SSL_CTX_use_certificate_ASN1(server, static_cast<int>(certificate.size()),
                                   certificate.data()) != 1 ||
      SSL_CTX_use_PrivateKey(server, key) != 1) {
    return Failed("no TLS context");
  }
  pair->server_.reset(SSL_new(server));
  pair->client_.reset(SSL_new(pair->client_context_.get()));
  BIO* here = nullptr;
  BIO* there = nullptr;
  if (!pair->server_ || !pair->client_ || BIO_new_bio_pair(&here, kBuffer, &there, kBuffer) != 1) {
    return Failed("no TLS connection");
  }
  SSL_set_bio(pair->server_.get(), here, here);
  SSL_set_bio(pair->client_.get(), there, there);
  SSL_set_accept_state(pair->server_.get());
  SSL_set_connect_state(pair->client_.get());
  bool done = false;
  for (int i = 0; i < kMaxSteps && !done; ++i) {
    const bool client = SSL_do_handshake(pair->client_.get()) == 1;
    done = SSL_do_handshake(pair->server_.get()) == 1 && client;
  }
  if (!done) return Failed("no TLS handshake");
  return pair;
}

Status TlsPair::Pass(SSL* from, SSL* to, BytesView octets) {
  if (SSL_write(from, octets.data(), static_cast<int>(octets.size())) !=
      static_cast<int>(octets.size())) {
    return Failed("a record does not leave");
  }
  Bytes read(octets.size());
  for (std::size_t at = 0; at < read.size();) {
    const int size = SSL_read(to, read.data() + at, static_cast<int>(read.size() - at));
    if (size <= 0) return Failed("a record does not arrive");
    at += static_cast<std::size_t>(size);
  }
  return Done{};
}

Status TlsPair::Round(BytesView request, BytesView answer) {
  if (Status there = Pass(client_.get(), server_.get(), request); !there) return there;
  return Pass(server_.get(), client_.get(), answer);
}

}  // namespace acb::bench
