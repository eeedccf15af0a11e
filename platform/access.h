// Who is let in: the TLS files and the clients of the configuration, replaced as a whole while the
// service runs, and what a connection that is open already makes of that.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/base/descriptor.h"
#include "firmware/base/result.h"
#include "platform/http_message.h"
#include "platform/router.h"
#include "platform/tls.h"

namespace acb::platform {

// A client that may use the service: a dNSName in its certificate's SAN, and what it may do.
// Whoever is not named may do nothing.
struct KnownClient {
  std::string identity;
  Role role;
  std::string channel = std::string(kUsualChannel);  // R-074-5
  // Less than the role may: ClientRights. Empty: all of it.
  std::vector<std::string> endpoints = {};
  std::vector<Eui64> originators = {};
  // A CA certificate in PEM; the verified path of the client's certificate has to hold it. Empty:
  // any CA of `tls.ca` may name this client.
  std::filesystem::path issuer = {};
  std::size_t connections = 0;  // at once; 0: as the server's setting says
};

struct AccessSettings {
  // certificate: PEM, leaf first; key: PEM, refused when others may read it; ca: PEM, the CAs of
  // clients. When it also holds CRLs, every client certificate is checked against them, and one
  // without a current CRL of its issuer is refused.
  TlsFiles tls;
  std::vector<KnownClient> clients;
};

// kConfiguration: a role has no such endpoint. A name that is mistyped would take away what it was
// meant to leave.
Failure NoSuchEndpoint(const KnownClient& client, const std::string& endpoint);

// As read at one moment; never changes. Thread-safe.
class Access {
 public:
  // kConfiguration: a file cannot be used, the issuer of a client among them; a client is narrowed
  // to an endpoint that `router` does not have for its role.
  static Result<std::shared_ptr<const Access>> Load(const AccessSettings& settings,
                                                    const Router& router);

  SSL_CTX& context() const { return *tls_; }
  TlsEnds Ends() const { return EndsIn(*tls_); }
  // The one client that the certificate is of; nothing when it is of none, of two, or of one whose
  // certificates another CA issues.
  std::optional<ClientIdentity> Identify(const PeerCertificate& peer) const;
  // How many connections that client may have at once; 0: nothing of its own is set.
  std::size_t ConnectionsOf(std::string_view client) const;

  // A descriptor that becomes readable, and stays so, once this is no longer the one in force.
  int replaced() const { return replaced_.get(); }
  void Replaced() const;

 private:
  struct Entry {
    KnownClient client;
    std::string issuer;  // SHA-256 of the certificate, hex; empty: any
    std::shared_ptr<const ClientRights> rights;
  };
  TlsContext tls_;
  std::map<std::string, Entry, std::less<>> clients_;  // by identity in lower case
  Descriptor replaced_;
};

// The one in force. Thread-safe.
class LiveAccess {
 public:
  explicit LiveAccess(std::shared_ptr<const Access> first) : current_(std::move(first)) {}
  std::shared_ptr<const Access> Current() const;
  // Connections that wait are woken, and look again whether they may stay.
  void Replace(std::shared_ptr<const Access> next);

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Access> current_;
};

// What one connection's client may do, for as long as it may: by certificate, path, revocation
// lists and configuration as they are now, not as they were at the handshake. Used by the
// connection's thread.
class Standing {
 public:
  // `stream` has accepted a connection with the context of `access`. The references outlive this.
  Standing(TlsStream& stream, const LiveAccess& live, std::shared_ptr<const Access> access);

  // Nothing: its certificate is of nobody whom configuration names.
  const std::optional<ClientIdentity>& client() const { return client_; }
  const Access& access() const { return *access_; }

  // False, and so for good, once the certificate would be refused in a handshake now or is of
  // nobody any more. Looks again when access was replaced, and when the path or a revocation list
  // has come to its end; otherwise it costs a lock.
  bool Holds();
  // Until when Holds() has nothing to look at, unless access is replaced.
  std::chrono::milliseconds Remaining() const;

 private:
  void Identify();

  TlsStream& stream_;
  const LiveAccess& live_;
  std::shared_ptr<const Access> access_;
  std::optional<ClientIdentity> client_;
  UtcTime good_until_;
  bool lost_ = false;
};

}  // namespace acb::platform
