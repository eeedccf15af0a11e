// The requests of one TLS connection, one after the other.
#pragma once

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <variant>

#include "platform/http_message.h"
#include "platform/http_parser.h"
#include "platform/https_server.h"
#include "platform/router.h"
#include "platform/tls.h"

namespace acb::platform {

// How lines of the log name a connection.
struct ConnectionName {
  std::string number;  // of this run; a request's is this, "-" and its own
  std::string peer;    // "127.0.0.1:40312"
};

// Why a connection gets no service: its first request is answered with this, then it is closed.
using Refusal = std::optional<Failure>;

class HttpConnection {
 public:
  // The references must outlive the connection. `standing` has a client unless there is a refusal.
  HttpConnection(TlsStream& stream, const HttpsServerSettings& settings, const Router& router,
                 const std::atomic<bool>& stopping, Standing& standing, ConnectionName name,
                 Refusal refusal);

  // Until the client or a rule ends it. Blocks.
  void Run();

 private:
  using Clock = std::chrono::steady_clock;
  enum class Next { kAnotherRequest, kEndAfterAnswer, kEnd };

  // Of the request that is being answered.
  struct Current {
    Clock::time_point started;
    HttpRequest request;
    RequestHead head;
    const Route* route = nullptr;
    bool close = true;  // after the answer
  };

  Next ServeOne();
  // A whole header in front of pending_, its size; nothing: the connection is over.
  std::variant<std::size_t, HttpResponse, std::monostate> AwaitHeader();
  IoOutcome Receive(Deadline deadline, OnStop on_stop);
  // Fills `current` from the header; the answer when it is refused. Reads nothing.
  std::optional<HttpResponse> Admit(std::string_view octets, RequestParser& parser,
                                    Current& current);
  // The client and the route of `current` as access is now; the answer when it is refused.
  std::optional<HttpResponse> FindRoute(Current& current);
  // The body into current.request; monostate when the client has gone.
  std::variant<HttpBody, HttpResponse, std::monostate> ReceiveBody(RequestParser& parser,
                                                                   Current& current);
  // While its client may still ask for it.
  IoOutcome SendFile(Current& current, const HttpResponse& response);
  Next Answer(Current& current, const HttpResponse& response);
  bool MustClose() const;
  // Whether its client may still be served (Standing::Holds).
  bool MayStay() { return refusal_ || standing_.Holds(); }
  Deadline IdleDeadline() const;

  TlsStream& stream_;
  const HttpsServerSettings& settings_;
  const Router& router_;
  const std::atomic<bool>& stopping_;
  Standing& standing_;
  const ConnectionName name_;
  const Refusal refusal_;
  const Clock::time_point opened_ = Clock::now();
  std::uint32_t answered_ = 0;
  std::uint64_t asked_ = 0;
  std::string pending_;  // received, not yet used: at most a header or a chunk line, and one read
};

}  // namespace acb::platform
