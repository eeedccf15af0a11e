// HTTPS/1.1 server: TLS 1.3 with client certificates, one thread for each connection, deadlines on
// every wait.
//
// The threads are made at the start: `connections` that are served, and kArrivingConnections that
// shake hands or are told that the box is full. A connection takes a served place only once its
// client certificate was verified, so a stranger cannot hold one. When all arriving places are
// taken the oldest handshake that waits for its client is closed. A known client for whom there is
// no served place within a second is answered 503 with Retry-After. Connections are taken in no
// faster than handshakes have processor time (handshake_budget.h): the others wait in the kernel's
// queue, where they cost nothing.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "firmware/base/result.h"
#include "platform/access.h"
#include "platform/http_message.h"
#include "platform/log.h"
#include "platform/router.h"

namespace acb::platform {

// One answered request, for metrics and the access log. Views are valid during the call.
struct Exchange {
  std::string_view id;      // of the request, as in the answer's ACB-Request-Id
  std::string_view client;  // empty: a certificate of the CA that configuration does not name
  std::string_view peer;
  std::string_view method;  // empty: what came was not HTTP
  std::string_view path;
  std::string_view route;  // the pattern, empty when none fits
  int status;
  std::uint64_t request_octets;        // body
  std::uint64_t response_octets;       // body
  std::chrono::microseconds duration;  // from the end of the header to the end of the answer
};

inline constexpr std::size_t kArrivingConnections = 64;
inline constexpr std::chrono::milliseconds kAcceptorRound{1000};

struct HttpsServerSettings {
  std::string address = "127.0.0.1";  // IPv4 or IPv6, numeric
  std::uint16_t port = 0;             // 0: any free port, see port()
  // A socket that listens already, not blocking, in place of these; must be open when Start is
  // called, which takes it over. -1: none.
  int listener = -1;

  AccessSettings access;

  // Of all processors, what handshakes may keep busy for good; more than 0.
  double handshake_share = 0.125;

  // Served at once; a quarter of them, rounded down, serve the role dsp alone.
  std::size_t connections = 128;
  // Of one client, unless its own setting says otherwise; 0: all but one of 64, so that no client
  // can keep every other one out.
  std::size_t client_connections = 0;
  std::uint32_t header_octets = 16 * 1024;
  std::uint32_t requests_per_connection = 100'000;
  // Directory for bodies of routes with `spool`; on a file system with O_TMPFILE.
  std::filesystem::path spool_directory;

  std::chrono::milliseconds handshake_deadline{10'000};
  std::chrono::milliseconds header_deadline{10'000};  // from the first octet of a request
  std::chrono::milliseconds body_deadline{10'000};
  std::chrono::milliseconds idle_deadline{60'000};   // between requests
  std::chrono::milliseconds write_deadline{30'000};  // for one answer
  // Older connections are closed after an answer, so that the client's certificate is looked at
  // again.
  std::chrono::milliseconds connection_lifetime{3'600'000};

  // Called once on the thread that calls Start, when every other thread but the one that takes
  // connections in is there: what the process gives up for good is given up before the first
  // octet from outside is read. Its failure is Start's.
  std::function<Status()> before_first_connection;
  // Called with what is in force from then on: by Start, and by each Reload that succeeds.
  std::function<void(const TlsEnds&)> in_force;
  // Called on the connection's thread after each answer.
  std::function<void(const Exchange&)> observe;
};

class HttpsServer {
 public:
  // Binds, listens and serves until Stop. `log` must outlive the server.
  // kConfiguration: a file cannot be read or used, the address cannot be bound, a thread cannot be
  // made; the explanation names it. Or what before_first_connection failed with: nobody has been
  // served then.
  static Result<std::unique_ptr<HttpsServer>> Start(HttpsServerSettings settings, Router router,
                                                    const Log& log);
  ~HttpsServer();  // Stop(0)
  HttpsServer(const HttpsServer&) = delete;
  HttpsServer& operator=(const HttpsServer&) = delete;

  // Certificate, key, client CAs with their CRLs, and clients from now on; everything else stays.
  // Open connections look again before their next octet: one whose client certificate would be
  // refused now, or is of nobody any more, ends. A request that is being worked on is finished.
  // kConfiguration: nothing has changed.
  Status Reload(const AccessSettings& access);

  std::uint16_t port() const;
  // Connections in a served place now, for metrics.
  std::size_t connections() const;
  // Rounds of the thread that takes connections in: goes up at least every kAcceptorRound unless
  // that thread is stuck, or waits for room.
  std::uint64_t rounds() const;

  // Takes no more connections, closes those that wait between requests, lets requests whose header
  // has begun be answered (with Connection: close) until `patience` is over, then cuts the rest,
  // and joins all threads. Blocks until the last handler has returned: a handler is never
  // interrupted.
  void Stop(std::chrono::milliseconds patience);

 private:
  class Impl;
  explicit HttpsServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace acb::platform
