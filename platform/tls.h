// TLS 1.3 contexts with certificates on both sides, and a stream whose every wait has a deadline.
#pragma once

#include <openssl/ssl.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/base/bytes.h"
#include "firmware/base/descriptor.h"
#include "firmware/base/handle.h"
#include "firmware/base/result.h"
#include "firmware/base/time.h"
#include "platform/tls_ends.h"

namespace acb::platform {

using TlsContext = Handle<SSL_CTX, SSL_CTX_free>;
using Deadline = std::chrono::steady_clock::time_point;

inline Deadline After(std::chrono::milliseconds span) {
  return std::chrono::steady_clock::now() + span;
}

struct TlsFiles {
  std::filesystem::path certificate;  // PEM chain, leaf first
  std::filesystem::path key;          // PEM, closed to others
  std::filesystem::path ca;           // PEM: whom the other side's certificate must come from
};

// TLS 1.3 only; a client certificate of `ca` is demanded; no tickets, no resumption, no early data,
// so that each connection verifies the certificate anew. CRLs in `ca` are obeyed. kConfiguration.
Result<TlsContext> MakeServerContext(const TlsFiles& files);
// TLS 1.3 only; the server's certificate must come from `ca`. Certificate and key may be empty.
// kConfiguration.
Result<TlsContext> MakeClientContext(const TlsFiles& files);

// The oldest error of this thread's OpenSSL queue, and empties it; "no further information" when
// empty.
std::string TlsErrorText();

// CAs from a file in PEM into a store, with their revocation lists: where one is among them every
// certificate of a path below the root, and the root, is held against one. kConfiguration.
Status LoadIssuers(X509_STORE& store, const std::filesystem::path& file);
// The dNSNames in its SAN, in lower case.
std::vector<std::string> DnsNamesOf(const X509& certificate);
// SHA-256 of its DER, lower-case hex.
std::string DigestOf(const X509& certificate);
// The same of each CA certificate of a verified path.
std::vector<std::string> IssuersIn(const STACK_OF(X509) * path);
// The same of the first certificate in a file in PEM. kConfiguration.
Result<std::string> DigestOfCertificate(const std::filesystem::path& file);
// Of the certificate, CAs and lists that the context holds. Of two CAs with one subject the one
// that ends first, of an issuer's lists the one that is good for longest.
TlsEnds EndsIn(SSL_CTX& context);

// What the peer's certificate says: dNSNames in lower case, digests in lower-case hex.
struct PeerCertificate {
  std::vector<std::string> dns_names;
  std::string sha256;                // of its DER
  std::string key_sha256;            // of its SubjectPublicKeyInfo
  std::vector<std::string> issuers;  // IssuersIn its path, as the handshake verified it
};

enum class IoOutcome {
  kDone,
  kClosed,   // by the other side, properly or not
  kTimeout,  // the deadline is over
  kStopped,  // the stop descriptor became readable
  kWoken,    // the wake descriptor became readable
  kFailed,   // anything else; error() says what
};

// What else ends a wait, beside the deadline.
enum class OnStop { kKeepWaiting, kGiveUp };

// One TLS connection over a non-blocking socket, used by the thread that made it, where SIGPIPE is
// blocked from then on.
class TlsStream {
 public:
  // `stop`: a descriptor that becomes readable when the service stops, or -1.
  TlsStream(SSL_CTX& context, Descriptor socket, int stop);

  // Server side. TCP_NODELAY is set here.
  IoOutcome Accept(Deadline deadline);
  // Client side; the server's certificate must be for `host` (a name or an IP address).
  IoOutcome Connect(const std::string& host, Deadline deadline);

  // Waits for at least one octet; kDone says `received` of them came.
  IoOutcome Read(std::span<std::uint8_t> into, std::size_t& received, Deadline deadline,
                 OnStop on_stop);
  // All of `octets`.
  IoOutcome Write(BytesView octets, Deadline deadline);
  // kDrain throws away what still comes, a little and not for long: closing over unread octets
  // would reset the connection and take the last answer with it.
  enum class Unread { kDrain, kForget };
  // Says close_notify and ends our side.
  void Close(Unread unread);

  // From now on a wait that gives up on a stop also ends with kWoken when this descriptor is
  // readable; -1: none.
  void WakeOn(int descriptor) { wake_ = descriptor; }

  // Of a completed Accept: until when the path holds that it was accepted by.
  UtcTime AcceptedUntil() const;
  // Of a completed Accept: whether the client's certificate would be taken by `context` now, by
  // the rules of a handshake, and until when its path holds. Nothing: it would be refused.
  std::optional<UtcTime> VerifyPeer(SSL_CTX& context) const;
  // Of a completed Accept. Nothing when there is none.
  std::optional<PeerCertificate> Peer() const;
  const std::string& error() const { return error_; }
  int socket() const { return socket_.get(); }

 private:
  IoOutcome Handshake(int (*step)(SSL*), Deadline deadline);
  // After an SSL call that gave `code`: waits for what OpenSSL wants; kDone means try again.
  IoOutcome WaitAfter(int code, Deadline deadline, OnStop on_stop);

  Descriptor socket_;
  int stop_;
  int wake_ = -1;
  Handle<SSL, SSL_free> ssl_;
  std::string error_;
};

// Waits until `events` (poll(2)) hold for `descriptor`, `stop` is readable or `wake` is.
IoOutcome WaitFor(int descriptor, short events, int stop, Deadline deadline, int wake = -1);

// "a:b" of a connected socket's other end; empty when unknown.
std::string PeerAddress(int socket);

}  // namespace acb::platform
