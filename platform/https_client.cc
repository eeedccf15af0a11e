#include "platform/https_client.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "firmware/base/request_id.h"
#include "platform/http_parser.h"
#include "platform/tls.h"

namespace acb::platform {
namespace {

constexpr std::size_t kReadOctets = 16 * 1024;
constexpr std::size_t kPieceOctets = 256 * 1024;
constexpr std::size_t kMaxHeaderOctets = 64 * 1024;
constexpr int kMaxInterimResponses = 4;
constexpr int kHttpOk = 200;
// Bodies above this wait for "100 Continue", so that a refusal is read instead of lost in a reset.
constexpr std::size_t kExpectOctets = 64 * 1024;
constexpr std::chrono::milliseconds kContinuePatience{2000};

Failure NoAnswer(std::string explanation) { return Failure{Reason::kBusy, std::move(explanation)}; }

std::string OutcomeText(IoOutcome outcome, const std::string& error) {
  switch (outcome) {
    case IoOutcome::kDone:
      return {};
    case IoOutcome::kClosed:
      return "the server closed the connection";
    case IoOutcome::kTimeout:
      return "no answer in time";
    case IoOutcome::kStopped:
    case IoOutcome::kWoken:
      return "stopped";
    case IoOutcome::kFailed:
      return error;
  }
  return {};
}

// Nobody is there who could be busy: the address is wrong, or the service does not run.
Failure CannotConnect(const std::string& where, const std::string& why) {
  return Failure{Reason::kConfiguration, "cannot connect to " + where + ": " + why};
}

// A connected socket, or what went wrong with the last address tried.
Result<Descriptor> ConnectTo(const std::string& host, std::uint16_t port, Deadline deadline) {
  const std::string where = host + ":" + std::to_string(port);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int code = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
      code != 0) {
    return CannotConnect(where, ::gai_strerror(code));
  }
  const Handle<addrinfo, ::freeaddrinfo> addresses(found);
  std::string error;
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    Descriptor socket(::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return NoAnswer(where + ": " + std::strerror(errno));
    int code = ::connect(socket.get(), address->ai_addr, address->ai_addrlen) == 0 ? 0 : errno;
    if (code == EINPROGRESS) {
      if (WaitFor(socket.get(), POLLOUT, -1, deadline) != IoOutcome::kDone) {
        return NoAnswer(where + ": no connection in time");
      }
      socklen_t size = sizeof code;
      if (::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &code, &size) != 0) code = errno;
    }
    if (code == 0) return socket;
    error = std::strerror(code);
  }
  return CannotConnect(where, error);
}

std::string HeaderOf(const HttpClientRequest& request, const std::string& host, bool expect) {
  std::string out = request.method + " " + request.target + " HTTP/1.1\r\nHost: " + host + "\r\n";
  if (request.body_size() != 0 || request.method == "POST") {
    out += "Content-Length: " + std::to_string(request.body_size()) + "\r\n";
  }
  if (!request.content_type.empty()) {
    out += "Content-Type: " + std::string(request.content_type) + "\r\n";
  }
  for (const HttpHeader& header : request.headers)
    out += header.name + ": " + header.value + "\r\n";
  if (expect) out += "Expect: 100-continue\r\n";
  return out + "\r\n";
}

bool HasLineBreak(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

Status CheckRequest(const HttpClientRequest& request) {
  bool broken = HasLineBreak(request.method) || HasLineBreak(request.content_type) ||
                HasLineBreak(request.target) || request.target.find(' ') != std::string::npos;
  for (const HttpHeader& header : request.headers) {
    broken = broken || HasLineBreak(header.name) || HasLineBreak(header.value);
  }
  if (broken) return Failure{Reason::kMalformed, "A request line or header has a line break."};
  return Done{};
}

}  // namespace

Result<ServerUrl> ParseServerUrl(std::string_view url, std::uint16_t usual_port) {
  constexpr std::string_view kScheme = "https://";
  const Failure wrong{Reason::kConfiguration,
                      "not https://host[:port]: " + std::string(url.substr(0, 200))};
  if (!url.starts_with(kScheme)) return wrong;
  std::string_view rest = url.substr(kScheme.size());
  if (rest.ends_with('/')) rest.remove_suffix(1);
  ServerUrl parsed{{}, usual_port};
  if (rest.starts_with('[')) {
    const std::size_t end = rest.find(']');
    if (end == std::string_view::npos) return wrong;
    parsed.host = rest.substr(1, end - 1);
    rest = rest.substr(end + 1);
  } else {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    parsed.host = rest.substr(0, end);
    rest = rest.substr(end);
  }
  if (parsed.host.empty() || parsed.host.find_first_of("/?#@ ") != std::string::npos) return wrong;
  if (rest.empty()) return parsed;
  if (rest.front() != ':') return wrong;
  const char* end = rest.data() + rest.size();
  const auto [stopped, error] = std::from_chars(rest.data() + 1, end, parsed.port);
  if (error != std::errc{} || stopped != end || parsed.port == 0) return wrong;
  return parsed;
}

class HttpsClient::Impl {
 public:
  Impl(HttpsClientSettings settings, TlsContext context)
      : settings_(std::move(settings)), context_(std::move(context)) {}

  Result<HttpClientResponse> Send(const HttpClientRequest& request);

 private:
  Status Connect();
  Result<HttpClientResponse> Exchange(const HttpClientRequest& request);
  // The final response's header, interim ones skipped; with `interim`, one of those too.
  Result<ResponseHead> ReceiveHead(ResponseParser& parser, bool to_head, Deadline deadline);
  Result<ResponseHead> ReceiveFinalHead(std::unique_ptr<ResponseParser>& parser, bool to_head);
  Result<std::string> ReceiveBody(ResponseParser& parser);
  Status ReceiveIntoSink(ResponseParser& parser, const ResponseHead& head,
                         const HttpBodySink& sink);
  IoOutcome Receive(Deadline deadline);
  Status SendBody(const HttpClientRequest& request, Deadline deadline);
  Failure Broken(IoOutcome outcome) const;

  HttpsClientSettings settings_;
  TlsContext context_;
  std::unique_ptr<TlsStream> stream_;
  std::string pending_;
  bool heard_ = false;  // an octet of an answer has come
  bool timed_out_ = false;
};

Status HttpsClient::Impl::Connect() {
  const Deadline deadline = After(settings_.connect_deadline);
  pending_.clear();
  auto socket = ConnectTo(settings_.host, settings_.port, deadline);
  if (!socket) return socket.error();
  stream_ = std::make_unique<TlsStream>(*context_, *std::move(socket), -1);
  const IoOutcome outcome = stream_->Connect(settings_.host, deadline);
  if (outcome == IoOutcome::kDone) return Done{};
  const std::string why = OutcomeText(outcome, stream_->error());
  stream_.reset();
  return Failure{
      outcome == IoOutcome::kTimeout ? Reason::kBusy : Reason::kForbidden,
      "TLS handshake with " + settings_.host + ":" + std::to_string(settings_.port) + ": " + why};
}

Result<HttpClientResponse> HttpsClient::Impl::Send(const HttpClientRequest& request) {
  if (const auto good = CheckRequest(request); !good) return good.error();
  const bool kept = stream_ != nullptr;
  if (!kept) {
    if (const auto connected = Connect(); !connected) return connected.error();
  }
  auto response = Exchange(request);
  if (!response && kept && !heard_ && !timed_out_ && !request.source && !request.sink) {
    stream_.reset();
    if (const auto connected = Connect(); !connected) return connected.error();
    response = Exchange(request);
  }
  if (!response) stream_.reset();
  return response;
}

Result<HttpClientResponse> HttpsClient::Impl::Exchange(const HttpClientRequest& request) {
  heard_ = timed_out_ = false;
  const bool to_head = request.method == "HEAD";
  const bool expect = request.source || request.body.size() > kExpectOctets;
  const Deadline write_deadline = After(settings_.write_deadline);
  std::string first = HeaderOf(request, settings_.host, expect);
  if (!expect) first += request.body;
  if (const auto sent = stream_->Write(AsBytes(first), write_deadline); sent != IoOutcome::kDone) {
    return Broken(sent);
  }

  auto parser = std::make_unique<ResponseParser>();
  std::optional<ResponseHead> head;
  if (expect) {
    auto early = ReceiveHead(*parser, to_head, After(kContinuePatience));
    if (!early && !timed_out_) return early.error();
    timed_out_ = false;
    if (early && early->status >= 200) {
      head = *std::move(early);  // refused before the body
    } else {
      if (early) parser = std::make_unique<ResponseParser>();
      if (auto sent = SendBody(request, write_deadline); !sent) return std::move(sent).error();
    }
  }
  const bool body_left_out = head.has_value();
  if (!head) {
    auto final_head = ReceiveFinalHead(parser, to_head);
    if (!final_head) return final_head.error();
    head = *std::move(final_head);
  }
  Result<std::string> body = std::string();
  if (request.sink && head->status == kHttpOk) {
    if (auto taken = ReceiveIntoSink(*parser, *head, *request.sink); !taken) {
      return std::move(taken).error();
    }
  } else {
    body = ReceiveBody(*parser);
  }
  if (!body) return body.error();
  if (!head->keep_alive || body_left_out) stream_.reset();
  return HttpClientResponse{head->status, std::move(head->headers), *std::move(body)};
}

// A source has the deadline for each of its pieces.
Status HttpsClient::Impl::SendBody(const HttpClientRequest& request, Deadline deadline) {
  if (!request.source) {
    const auto sent = stream_->Write(AsBytes(request.body), deadline);
    return sent == IoOutcome::kDone ? Status(Done{}) : Broken(sent);
  }
  Bytes buffer(kPieceOctets);
  for (std::uint64_t left = request.source->size; left > 0;) {
    const auto room = std::span(buffer).first(std::min<std::uint64_t>(left, buffer.size()));
    const auto got = request.source->read(room);
    if (!got) return got.error();
    if (*got == 0 || *got > room.size()) return NoAnswer("the body is shorter than it was");
    const auto sent = stream_->Write(room.first(*got), After(settings_.write_deadline));
    if (sent != IoOutcome::kDone) return Broken(sent);
    left -= *got;
  }
  return Done{};
}

Result<ResponseHead> HttpsClient::Impl::ReceiveFinalHead(std::unique_ptr<ResponseParser>& parser,
                                                         bool to_head) {
  const Deadline deadline = After(settings_.response_deadline);
  for (int interim = 0; interim <= kMaxInterimResponses; ++interim) {
    auto head = ReceiveHead(*parser, to_head, deadline);
    if (!head || head->status >= 200) return head;
    parser = std::make_unique<ResponseParser>();
  }
  return NoAnswer("too many interim responses");
}

Result<ResponseHead> HttpsClient::Impl::ReceiveHead(ResponseParser& parser, bool to_head,
                                                    Deadline deadline) {
  std::size_t searched = 0;
  for (;;) {
    const HeaderEnd end = FindHeaderEnd(pending_, searched);
    if (end.state == HeaderEnd::State::kBroken) {
      return NoAnswer("not an HTTP response: " + std::string(end.error));
    }
    if (end.state == HeaderEnd::State::kComplete) {
      auto head = parser.Head(std::string_view(pending_).substr(0, end.size), to_head);
      pending_.erase(0, end.size);
      if (!head) return NoAnswer(head.error().explanation);
      return head;
    }
    if (pending_.size() > kMaxHeaderOctets) return NoAnswer("the response's header is too large");
    const IoOutcome outcome = Receive(deadline);
    timed_out_ = outcome == IoOutcome::kTimeout;
    if (outcome != IoOutcome::kDone) return Broken(outcome);
    heard_ = true;
  }
}

Result<std::string> HttpsClient::Impl::ReceiveBody(ResponseParser& parser) {
  const Deadline deadline = After(settings_.response_deadline);
  std::string body;
  const BodySink sink = [&](std::string_view piece) {
    // A body that ends with the connection has no length that the parser could compare.
    if (body.size() + piece.size() > settings_.response_limit) return false;
    body += piece;
    return true;
  };
  for (;;) {
    std::size_t used = 0;
    const BodyState state = parser.Body(pending_, used, settings_.response_limit, sink);
    pending_.erase(0, used);
    if (state == BodyState::kComplete) return body;
    if (state == BodyState::kBroken) return NoAnswer("the response's chunks are broken");
    if (state != BodyState::kNeedMore) return NoAnswer("the response is too large");
    const IoOutcome outcome = Receive(deadline);
    if (outcome == IoOutcome::kClosed && parser.End() == BodyState::kComplete) {
      stream_.reset();
      return body;
    }
    if (outcome != IoOutcome::kDone) return Broken(outcome);
  }
}

// An answer that is cut off is a failure: the parser knows the length.
Status HttpsClient::Impl::ReceiveIntoSink(ResponseParser& parser, const ResponseHead& head,
                                          const HttpBodySink& into) {
  const auto length = FindHeader(head.headers, "Content-Length");
  const std::uint64_t size = length ? ParseDecimal(*length).value_or(0) : 0;
  Status kept = Done{};
  const BodySink sink = [&](std::string_view piece) {
    kept = into.write(piece, size);
    return kept.has_value();
  };
  for (;;) {
    std::size_t used = 0;
    const BodyState state = parser.Body(pending_, used, into.limit, sink);
    pending_.erase(0, used);
    if (!kept) return kept;
    if (state == BodyState::kComplete) return Done{};
    if (state == BodyState::kTooLarge) return NoAnswer("the response is too large");
    if (state != BodyState::kNeedMore) return NoAnswer("the response's chunks are broken");
    const IoOutcome outcome = Receive(After(settings_.response_deadline));
    if (outcome != IoOutcome::kDone) return Broken(outcome);
  }
}

IoOutcome HttpsClient::Impl::Receive(Deadline deadline) {
  std::array<std::uint8_t, kReadOctets> octets;
  std::size_t received = 0;
  const IoOutcome outcome = stream_->Read(octets, received, deadline, OnStop::kKeepWaiting);
  if (outcome == IoOutcome::kDone) pending_ += AsText(BytesView(octets.data(), received));
  return outcome;
}

Failure HttpsClient::Impl::Broken(IoOutcome outcome) const {
  const std::string text = OutcomeText(outcome, stream_->error());
  // In TLS 1.3 the server judges our certificate after our handshake is done: its alert comes here.
  const bool alert = outcome == IoOutcome::kFailed && text.find("alert") != std::string::npos;
  if (alert) {
    return Failure{Reason::kForbidden, "the server refused the client certificate: " + text};
  }
  return NoAnswer(text);
}

HttpsClient::HttpsClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpsClient::~HttpsClient() = default;
HttpsClient::HttpsClient(HttpsClient&&) noexcept = default;
HttpsClient& HttpsClient::operator=(HttpsClient&&) noexcept = default;

Result<HttpsClient> HttpsClient::Create(HttpsClientSettings settings) {
  auto context = MakeClientContext({settings.certificate, settings.key, settings.ca});
  if (!context) return context.error();
  return HttpsClient(std::make_unique<Impl>(std::move(settings), *std::move(context)));
}

Result<HttpClientResponse> HttpsClient::Send(const HttpClientRequest& request) {
  return impl_->Send(request);
}

}  // namespace acb::platform
