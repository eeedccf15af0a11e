#include "platform/http_connection.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>

#include "firmware/base/ascii.h"
#include "platform/media_type.h"
#include "platform/spool.h"

namespace acb::platform {
namespace {

constexpr std::size_t kReadOctets = 16 * 1024;  // a TLS record
// Answers up to this size leave in one write with their header.
constexpr std::size_t kOneWriteOctets = 64 * 1024;
// Of an answer that is a file, in memory at one time.
constexpr std::size_t kFilePieceOctets = 256 * 1024;
// How long a connection that will only be refused may take to say what it wants.
constexpr std::chrono::milliseconds kRefusalPatience{2000};

constexpr int kBadRequest = 400;
constexpr int kRequestTimeout = 408;
constexpr int kUnsupportedMediaType = 415;
constexpr int kExpectationFailed = 417;
constexpr int kHeaderTooLarge = 431;

// "text/csv" of "text/csv; charset=utf-8".
std::string_view MediaType(std::string_view content_type) {
  std::string_view type = content_type.substr(0, content_type.find(';'));
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.remove_suffix(1);
  return type;
}

// RFC 9110 section 5.6.7. Names are English: the process never sets a locale.
std::string HttpDate() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  std::array<char, 40> text{};
  const std::size_t size =
      std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text.data(), size};
}

// A handler that reflects what it was sent must not be able to end the line.
void AppendHeader(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  for (const char c : value) out += static_cast<unsigned char>(c) < 0x20 || c == '\x7f' ? ' ' : c;
  out += "\r\n";
}

HttpResponse NoLongerWelcome() {
  return Problem({Reason::kForbidden,
                  "The client certificate is no longer taken: it is revoked, out of date, or of no "
                  "configured client."});
}

std::string HeaderOf(const HttpResponse& response, bool close, std::string_view id) {
  std::string out = "HTTP/1.1 " + std::to_string(response.status) + " ";
  out += StatusText(response.status);
  out += "\r\n";
  AppendHeader(out, "Date", HttpDate());
  if (response.body_size() != 0) AppendHeader(out, "Content-Type", response.content_type);
  AppendHeader(out, "Content-Length", std::to_string(response.body_size()));
  AppendHeader(out, "Cache-Control", response.cache_control);
  AppendHeader(out, "X-Content-Type-Options", "nosniff");
  AppendHeader(out, "ACB-Request-Id", id);
  for (const HttpHeader& header : response.headers) AppendHeader(out, header.name, header.value);
  if (close) AppendHeader(out, "Connection", "close");
  out += "\r\n";
  return out;
}

// A page of another site that a person looks at could otherwise act with the client certificate of
// that person's browser. Browsers say where such a request comes from; other clients say nothing.
std::optional<HttpResponse> CheckOwnPage(const RequestHead& head) {
  if (head.method == "GET") return std::nullopt;
  const auto site = FindHeader(head.headers, "Sec-Fetch-Site");
  const auto origin = FindHeader(head.headers, "Origin");
  const std::string own =
      "https://" + std::string(FindHeader(head.headers, "Host").value_or(std::string_view{}));
  const bool of_own_site = !site || *site == "same-origin" || *site == "none";
  if (of_own_site && (!origin || SameIgnoringCase(*origin, own))) return std::nullopt;
  return Problem({Reason::kForbidden, "A page of another site may not ask for this."});
}

// What the route says about the body, before any of it is read.
std::optional<HttpResponse> CheckBodyHeaders(const RequestHead& head, const Route& route) {
  if (FindHeader(head.headers, "Content-Encoding")) {
    return ProblemWithStatus({Reason::kMediaType, "No Content-Encoding is taken."},
                             kUnsupportedMediaType);
  }
  if (head.content_length.value_or(0) > route.body_limit ||
      (head.chunked && route.body_limit == 0)) {
    return Problem({Reason::kTooLarge,
                    "The body may have " + std::to_string(route.body_limit) + " octets at most."});
  }
  const std::string_view sent =
      FindHeader(head.headers, "Content-Type").value_or(std::string_view{});
  const std::string_view type = MediaType(sent);
  const bool known = route.content_types.empty() ||
                     std::ranges::any_of(route.content_types, [&](const std::string& taken) {
                       return SameIgnoringCase(taken, type);
                     });
  if (head.has_body() && !known) {
    return Problem({Reason::kMediaType, "It takes " + route.content_types.front() + "."});
  }
  if (head.has_body() && NamesAnotherCharset(sent)) {
    return Problem({Reason::kMediaType, "The only charset is utf-8."});
  }
  return std::nullopt;
}

}  // namespace

HttpConnection::HttpConnection(TlsStream& stream, const HttpsServerSettings& settings,
                               const Router& router, const std::atomic<bool>& stopping,
                               Standing& standing, ConnectionName name, Refusal refusal)
    : stream_(stream),
      settings_(settings),
      router_(router),
      stopping_(stopping),
      standing_(standing),
      name_(std::move(name)),
      refusal_(std::move(refusal)) {}

void HttpConnection::Run() {
  Next next = Next::kAnotherRequest;
  while (next == Next::kAnotherRequest) next = ServeOne();
  stream_.Close(next == Next::kEndAfterAnswer ? TlsStream::Unread::kDrain
                                              : TlsStream::Unread::kForget);
}

bool HttpConnection::MustClose() const {
  return refusal_ || stopping_ || answered_ + 1 >= settings_.requests_per_connection ||
         Clock::now() >= opened_ + settings_.connection_lifetime;
}

HttpConnection::Next HttpConnection::ServeOne() {
  auto header = AwaitHeader();
  if (std::holds_alternative<std::monostate>(header)) return Next::kEnd;
  Current current;
  current.started = Clock::now();
  current.request.id = name_.number + "-" + std::to_string(++asked_);
  if (const auto* refused = std::get_if<HttpResponse>(&header)) {
    return Answer(current, *refused);
  }

  RequestParser parser;
  const std::size_t header_size = std::get<std::size_t>(header);
  const auto refused = Admit(std::string_view(pending_).substr(0, header_size), parser, current);
  pending_.erase(0, header_size);
  if (refused) {
    // A body that nobody reads ends the connection: what follows it could not be found.
    current.close = current.close || current.head.has_body();
    return Answer(current, *refused);
  }

  auto body = ReceiveBody(parser, current);
  if (std::holds_alternative<std::monostate>(body)) return Next::kEnd;
  if (const auto* broken = std::get_if<HttpResponse>(&body)) {
    current.close = true;
    return Answer(current, *broken);
  }
  current.request.body = std::get<HttpBody>(std::move(body));
  // Also while a long body came; and what it may do is what it may do now.
  if (auto unwelcome = FindRoute(current)) {
    current.close = true;
    return Answer(current, *unwelcome);
  }

  // Not caught: an exception from a handler is a bug and ends the process.
  const HttpResponse response = current.route->handler(current.request);
  current.close = current.close || MustClose();
  return Answer(current, response);
}

std::variant<std::size_t, HttpResponse, std::monostate> HttpConnection::AwaitHeader() {
  std::size_t searched = 0;
  Deadline deadline = !pending_.empty() ? After(settings_.header_deadline) : IdleDeadline();
  bool begun = !pending_.empty();
  for (;;) {
    const HeaderEnd end = FindHeaderEnd(pending_, searched);
    if (end.state == HeaderEnd::State::kBroken) {
      return ProblemWithStatus({Reason::kMalformed, std::string(end.error)}, kBadRequest);
    }
    const bool complete = end.state == HeaderEnd::State::kComplete;
    if ((complete ? end.size : pending_.size()) > settings_.header_octets) {
      return ProblemWithStatus(
          {Reason::kTooLarge,
           "The header may have " + std::to_string(settings_.header_octets) + " octets at most."},
          kHeaderTooLarge);
    }
    if (complete) return end.size;

    const auto outcome = Receive(deadline, begun ? OnStop::kKeepWaiting : OnStop::kGiveUp);
    if (outcome == IoOutcome::kTimeout && begun) {
      return ProblemWithStatus({Reason::kMalformed, "The header did not come in time."},
                               kRequestTimeout);
    }
    // Who may stay goes on waiting, for as long as before.
    if (outcome == IoOutcome::kWoken && MayStay()) continue;
    if (outcome != IoOutcome::kDone) return std::monostate{};
    // Who is only refused has kRefusalPatience for all of it.
    if (!begun && !refusal_) deadline = After(settings_.header_deadline);
    begun = true;
  }
}

// Not beyond the end of what lets the client in.
Deadline HttpConnection::IdleDeadline() const {
  if (refusal_) return After(kRefusalPatience);
  return After(std::min(settings_.idle_deadline, standing_.Remaining()));
}

IoOutcome HttpConnection::Receive(Deadline deadline, OnStop on_stop) {
  std::array<std::uint8_t, kReadOctets> octets;
  std::size_t received = 0;
  const IoOutcome outcome = stream_.Read(octets, received, deadline, on_stop);
  if (outcome == IoOutcome::kDone) pending_ += AsText(BytesView(octets.data(), received));
  return outcome;
}

std::optional<HttpResponse> HttpConnection::Admit(std::string_view octets, RequestParser& parser,
                                                  Current& current) {
  auto head = parser.Head(octets);
  if (!head) {
    const bool large = head.error().reason == Reason::kTooLarge;
    return ProblemWithStatus(head.error(), large ? kHeaderTooLarge : kBadRequest);
  }
  current.head = *std::move(head);
  auto& request = current.request;
  request.method = current.head.method;
  request.peer = name_.peer;
  auto target = ParseTarget(current.head.target);
  if (!target) return ProblemWithStatus(target.error(), kBadRequest);
  request.path = std::move(target->path);
  request.query = std::move(target->query);
  request.query_parameters = std::move(target->parameters);
  if (refusal_) return Problem(*refusal_);

  current.close = !current.head.keep_alive || MustClose();
  if (auto unwelcome = FindRoute(current)) return unwelcome;
  if (auto refused = CheckOwnPage(current.head)) return refused;
  if (auto refused = CheckBodyHeaders(current.head, *current.route)) return refused;
  request.headers = current.head.headers;

  const auto expect = current.head.version == 11 ? request.Header("Expect") : std::nullopt;
  if (expect && !SameIgnoringCase(*expect, "100-continue")) {
    return ProblemWithStatus({Reason::kMalformed, "The only Expect taken is 100-continue."},
                             kExpectationFailed);
  }
  return std::nullopt;
}

std::optional<HttpResponse> HttpConnection::FindRoute(Current& current) {
  if (!MayStay()) {
    current.close = true;
    return NoLongerWelcome();
  }
  HttpRequest& request = current.request;
  request.client = *standing_.client();
  auto found = router_.Find(request.method, request.path, request.client);
  if (auto* refused = std::get_if<HttpResponse>(&found)) return std::move(*refused);
  auto& match = std::get<Router::Match>(found);
  current.route = match.route;
  request.parameters = std::move(match.parameters);
  return std::nullopt;
}

std::variant<HttpBody, HttpResponse, std::monostate> HttpConnection::ReceiveBody(
    RequestParser& parser, Current& current) {
  const Route& route = *current.route;
  const std::filesystem::path in_memory;
  Spool spool(route.spool ? settings_.spool_directory : in_memory);
  const auto intake = route.intake ? route.intake() : nullptr;
  current.request.intake = intake;
  Status kept = Done{};
  const BodySink sink = [&](std::string_view piece) {
    if (intake) return intake->Take(piece);
    kept = spool.Append(piece);
    return kept.has_value();
  };
  const Deadline base = After(settings_.body_deadline);
  // Only now: route, role, size and type are accepted (RFC 9110 section 10.1.1).
  if (current.head.has_body() && pending_.empty() && current.request.Header("Expect") &&
      current.head.version == 11) {
    const auto told = stream_.Write(AsBytes("HTTP/1.1 100 Continue\r\n\r\n"), base);
    if (told != IoOutcome::kDone) return std::monostate{};
  }
  for (;;) {
    std::size_t used = 0;
    const BodyState state = parser.Body(pending_, used, route.body_limit, sink);
    pending_.erase(0, used);
    switch (state) {
      case BodyState::kComplete: {
        auto body = std::move(spool).Finish();
        if (!body) return Problem(body.error());
        return *std::move(body);
      }
      case BodyState::kTooLarge:
        return Problem({Reason::kTooLarge, "The body may have " + std::to_string(route.body_limit) +
                                               " octets at most."});
      case BodyState::kSinkFailed:
        return Problem(intake ? intake->WhyNot() : kept.error());
      case BodyState::kBroken:
        return ProblemWithStatus({Reason::kMalformed, "The chunks of the body are broken."},
                                 kBadRequest);
      case BodyState::kNeedMore:
        break;
    }
    const std::uint64_t size = intake ? intake->size() : spool.size();
    const std::chrono::seconds earned(route.spool ? size / kSpoolOctetsPerSecond : 0);
    const IoOutcome outcome = Receive(base + earned, OnStop::kKeepWaiting);
    if (outcome == IoOutcome::kTimeout) {
      return ProblemWithStatus({Reason::kMalformed, "The body did not come in time."},
                               kRequestTimeout);
    }
    if (outcome != IoOutcome::kDone) return std::monostate{};
  }
}

// What cannot be read, or is shorter than was said, ends the connection: the client finds the body
// cut off.
IoOutcome HttpConnection::SendFile(Current& current, const HttpResponse& response) {
  const Deadline base = After(settings_.write_deadline);
  Bytes piece(kFilePieceOctets);
  std::uint64_t sent = 0;
  while (sent < response.file_size) {
    if (FindRoute(current)) return IoOutcome::kStopped;
    const std::size_t wanted = std::min<std::uint64_t>(piece.size(), response.file_size - sent);
    const ssize_t got =
        ::pread(response.file->get(), piece.data(), wanted, static_cast<off_t>(sent));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return IoOutcome::kFailed;
    const std::chrono::seconds earned(sent / kSpoolOctetsPerSecond);
    const auto octets = BytesView(piece).first(static_cast<std::size_t>(got));
    const IoOutcome outcome = stream_.Write(octets, base + earned);
    if (outcome != IoOutcome::kDone) return outcome;
    sent += static_cast<std::uint64_t>(got);
  }
  return IoOutcome::kDone;
}

HttpConnection::Next HttpConnection::Answer(Current& current, const HttpResponse& response) {
  const bool to_head = current.request.method == "HEAD";  // RFC 9110 section 9.3.2: no content
  const std::string_view body = to_head ? std::string_view{} : std::string_view(response.body);
  const Deadline deadline = After(settings_.write_deadline);
  std::string first = HeaderOf(response, current.close, current.request.id);
  const bool in_one = body.size() <= kOneWriteOctets;
  if (in_one) first += body;
  IoOutcome outcome = stream_.Write(AsBytes(first), deadline);
  if (outcome == IoOutcome::kDone && !in_one) outcome = stream_.Write(AsBytes(body), deadline);
  if (outcome == IoOutcome::kDone && response.file && !to_head)
    outcome = SendFile(current, response);
  ++answered_;
  if (settings_.observe) {
    const auto& request = current.request;
    const std::string_view client =
        standing_.client() ? std::string_view(standing_.client()->name) : std::string_view{};
    settings_.observe(
        {request.id, client, name_.peer, request.method, request.path,
         current.route != nullptr ? std::string_view(current.route->pattern) : std::string_view{},
         response.status, request.BodySize(), response.body_size(),
         std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - current.started)});
  }
  if (outcome != IoOutcome::kDone) return Next::kEnd;
  return current.close ? Next::kEndAfterAnswer : Next::kAnotherRequest;
}

}  // namespace acb::platform
