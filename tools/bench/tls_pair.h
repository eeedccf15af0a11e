// Both ends of one TLS 1.3 connection in memory: what its records cost, without sockets.
#pragma once

#include <openssl/ssl.h>

#include <memory>

#include "firmware/base/bytes.h"
#include "firmware/base/handle.h"
#include "firmware/base/result.h"

namespace acb::bench {

// One thread at a time.
class TlsPair {
 public:
  // Shakes hands; `certificate` (DER) and its key are the server's. kConfiguration.
  static Result<std::unique_ptr<TlsPair>> Open(BytesView certificate, EVP_PKEY* key);

  // `request` from client to server, `answer` back. kConfiguration when one does not arrive.
  Status Round(BytesView request, BytesView answer);

 private:
  using Context = Handle<SSL_CTX, SSL_CTX_free>;
  using Connection = Handle<SSL, SSL_free>;
  TlsPair() = default;
  static Status Pass(SSL* from, SSL* to, BytesView octets);

  Context server_context_;
  Context client_context_;
  Connection server_;
  Connection client_;
};

}  // namespace acb::bench
