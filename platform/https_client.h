// A small blocking HTTPS/1.1 client with a client certificate, for acbctl and the tests.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/base/result.h"
#include "platform/http_message.h"

namespace acb::platform {

struct HttpsClientSettings {
  std::string host = "127.0.0.1";  // verified against the server certificate's SAN (DNS or IP)
  std::uint16_t port = 0;
  std::filesystem::path ca;           // PEM: who may have issued the server's certificate
  std::filesystem::path certificate;  // PEM; both empty: no client certificate
  std::filesystem::path key;
  std::uint64_t response_limit = 64 * 1024 * 1024;     // octets of a response's body
  std::chrono::milliseconds connect_deadline{10'000};  // TCP and TLS
  // From the request's last octet; for a sink, until its first octet, and for each piece.
  std::chrono::milliseconds response_deadline{60'000};
  std::chrono::milliseconds write_deadline{600'000};  // of a body, or of each piece of a source
};

// A body that is sent piece by piece, in constant memory.
struct HttpBodySource {
  std::uint64_t size = 0;  // octets in all
  // Puts at least one octet to the front of `into`, and says how many: called until `size` octets
  // have come, on the thread of Send. A failure ends the request and is its outcome.
  std::function<Result<std::size_t>(std::span<std::uint8_t> into)> read;
};

// Where the body of an answer goes piece by piece, in constant memory.
struct HttpBodySink {
  // Octets of the whole body; more ends the request.
  std::uint64_t limit = 0;
  // Called with each piece in order, on the thread of Send; `size` is that of the whole body where
  // the server says it, else 0. A failure ends the request and is its outcome.
  std::function<Status(std::string_view piece, std::uint64_t size)> write;
};

struct HttpClientRequest {
  std::string method = "GET";
  std::string target = "/";  // path and query, percent-encoded
  std::vector<HttpHeader> headers = {};
  std::string_view content_type = {};
  std::string_view body = {};
  // In place of `body`. Such a request is never sent again.
  std::optional<HttpBodySource> source = {};
  // Takes the body of an answer 200; other answers come as they always do. Such a request is never
  // sent again.
  std::optional<HttpBodySink> sink = {};

  std::uint64_t body_size() const { return source ? source->size : body.size(); }
};

struct HttpClientResponse {
  int status = 0;
  std::vector<HttpHeader> headers;
  std::string body;  // empty when a sink took it
  std::optional<std::string_view> Header(std::string_view name) const {
    return FindHeader(headers, name);
  }
};

struct ServerUrl {
  std::string host;
  std::uint16_t port;
};
// "https://host[:port][/]", host a name, an IPv4 address or an IPv6 address in brackets. Without a
// port: that of acbd.
inline constexpr std::uint16_t kAcbdPort = 8621;
Result<ServerUrl> ParseServerUrl(std::string_view url, std::uint16_t usual_port = kAcbdPort);

// One connection, kept alive between requests and opened again when the server has closed it. Not
// thread-safe.
class HttpsClient {
 public:
  // kConfiguration: a file cannot be read or used. Does not connect yet.
  static Result<HttpsClient> Create(HttpsClientSettings settings);
  ~HttpsClient();
  HttpsClient(HttpsClient&&) noexcept;
  HttpsClient& operator=(HttpsClient&&) noexcept;

  // The response, whatever its status. A request is sent again on a new connection only when a kept
  // connection was found closed before any octet of an answer; the service's requests are
  // idempotent by RequestID. kConfiguration: nobody answers at that address; kBusy: no connection
  // or answer in time, or an answer that is not HTTP; kForbidden: the TLS handshake failed (either
  // side's certificate). The explanation says which.
  Result<HttpClientResponse> Send(const HttpClientRequest& request);

 private:
  class Impl;
  explicit HttpsClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace acb::platform
