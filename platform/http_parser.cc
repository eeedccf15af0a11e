#include "platform/http_parser.h"

// Only the parser: all of Beast's HTTP costs ten times the compile time (ecosystem.md section 4).
#include <algorithm>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/basic_parser.hpp>

namespace acb::platform {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

bool Equals(std::string_view a, std::string_view b) {
  return beast::iequals(beast::string_view(a.data(), a.size()),
                        beast::string_view(b.data(), b.size()));
}

std::string_view View(beast::string_view text) { return {text.data(), text.size()}; }

// Collects what Beast finds.
template <bool kIsRequest>
class Collector final : public http::basic_parser<kIsRequest> {
 public:
  std::string method;
  std::string target;
  int version = 0;
  int status = 0;
  std::vector<HttpHeader> headers;
  bool too_many = false;
  const BodySink* sink = nullptr;
  bool sink_failed = false;

 private:
  using ErrorCode = beast::error_code;

  void on_request_impl(http::verb, beast::string_view method_text, beast::string_view target_text,
                       int number, ErrorCode&) override {
    method = View(method_text);
    target = View(target_text);
    version = number;
  }
  void on_response_impl(int code, beast::string_view, int number, ErrorCode&) override {
    status = code;
    version = number;
  }
  void on_field_impl(http::field, beast::string_view name, beast::string_view value,
                     ErrorCode& error) override {
    if (this->is_header_done()) return;  // a trailer: nobody here reads one
    if (headers.size() == kMaxHeaders) {
      too_many = true;
      error = http::make_error_code(http::error::header_limit);
      return;
    }
    headers.push_back({std::string(View(name)), std::string(View(value))});
  }
  void on_header_impl(ErrorCode&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, ErrorCode&) override {}
  std::size_t on_body_impl(beast::string_view body, ErrorCode& error) override {
    return Take(body, error);
  }
  void on_chunk_header_impl(std::uint64_t, beast::string_view, ErrorCode&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view body,
                                 ErrorCode& error) override {
    return Take(body, error);
  }
  void on_finish_impl(ErrorCode&) override {}

  std::size_t Take(beast::string_view piece, ErrorCode& error) {
    if (!(*sink)(View(piece))) {
      sink_failed = true;
      error = http::make_error_code(http::error::body_limit);
    }
    return piece.size();
  }
};

template <bool kIsRequest>
beast::error_code PutHead(Collector<kIsRequest>& parser, std::string_view octets) {
  parser.header_limit(static_cast<std::uint32_t>(octets.size()) + 1);
  parser.body_limit(boost::none);  // the caller looks at the length, then Body at what comes
  parser.eager(false);
  beast::error_code error;
  std::size_t used = 0;
  // Start line and fields may be two steps.
  while (!parser.is_header_done() && used < octets.size()) {
    const std::size_t step =
        parser.put(boost::asio::const_buffer(octets.data() + used, octets.size() - used), error);
    used += step;
    if (error || step == 0) break;
  }
  if (!error && (!parser.is_header_done() || used != octets.size())) {
    error = http::make_error_code(http::error::partial_message);
  }
  return error;
}

constexpr std::string_view kLastChunk = "0\r\n\r\n";

template <bool kIsRequest>
BodyState PutBody(Collector<kIsRequest>& parser, std::string_view octets, std::size_t& used,
                  std::uint64_t limit, bool& limited, const BodySink& sink) {
  used = 0;
  if (!limited) {
    parser.body_limit(limit);
    limited = true;
    if (parser.content_length().value_or(0) > limit) return BodyState::kTooLarge;
  }
  parser.sink = &sink;
  while (!parser.is_done() && used < octets.size()) {
    // Found by fuzzing: Beast asserts that it never sees less of a last chunk. No chunked body ends
    // without these octets, so waiting for them loses nothing.
    if (parser.chunked() && octets.size() - used < kLastChunk.size()) return BodyState::kNeedMore;
    beast::error_code error;
    used +=
        parser.put(boost::asio::const_buffer(octets.data() + used, octets.size() - used), error);
    if (error == http::error::need_more) {
      // Only a chunk's size line or the trailer is waited for as a whole.
      return octets.size() - used > kMaxChunkLineOctets ? BodyState::kBroken : BodyState::kNeedMore;
    }
    if (parser.sink_failed) return BodyState::kSinkFailed;
    if (error == http::error::body_limit) return BodyState::kTooLarge;
    if (error) return BodyState::kBroken;
  }
  return parser.is_done() ? BodyState::kComplete : BodyState::kNeedMore;
}

std::size_t Count(const std::vector<HttpHeader>& headers, std::string_view name) {
  return static_cast<std::size_t>(
      std::ranges::count_if(headers, [&](const HttpHeader& h) { return Equals(h.name, name); }));
}

Failure Malformed(std::string explanation) {
  return Failure{Reason::kMalformed, std::move(explanation)};
}

// Headers that decide something here, where a second one would leave open which counts. Those of
// our own begin with "X-".
bool IsSingle(std::string_view name) {
  static constexpr std::string_view kSingle[] = {
      "Host", "Content-Length", "Transfer-Encoding", "Content-Type", "Content-Encoding", "Expect"};
  return std::ranges::any_of(kSingle, [&](std::string_view s) { return Equals(s, name); }) ||
         Equals(name.substr(0, 2), "X-");
}

// RFC 9112 sections 3.2, 3.3, 6.1-6.3: the forms by which one message is taken for two.
Status CheckFraming(const RequestHead& head) {
  for (const HttpHeader& header : head.headers) {
    if (IsSingle(header.name) && Count(head.headers, header.name) > 1) {
      return Malformed("More than one " + header.name + " header.");
    }
  }
  if (head.version == 11 && Count(head.headers, "Host") == 0) return Malformed("No Host header.");
  const auto coding = FindHeader(head.headers, "Transfer-Encoding");
  if (coding && head.version == 10) return Malformed("Transfer-Encoding in HTTP/1.0.");
  if (coding && !Equals(*coding, "chunked")) {
    return Malformed("The only Transfer-Encoding taken is chunked.");
  }
  const auto length = FindHeader(head.headers, "Content-Length");
  if (coding && length) return Malformed("Both Content-Length and Transfer-Encoding.");
  if (length && !std::ranges::all_of(*length, [](char c) { return c >= '0' && c <= '9'; })) {
    return Malformed("Content-Length is not one number.");
  }
  return Done{};
}

Status CheckTargetForm(std::string_view target) {
  if (!target.starts_with('/')) return Malformed("The request target does not begin with \"/\".");
  const bool printable =
      std::ranges::all_of(target, [](char c) { return c > ' ' && c < '\x7f' && c != '#'; });
  if (!printable) {
    return Malformed("The request target has a fragment or an octet that is not printable ASCII.");
  }
  return Done{};
}

std::optional<unsigned> HexDigit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

// Nothing when an escape is broken or gives a control character.
std::optional<std::string> PercentDecode(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const auto high = HexDigit(text[i + 1]);
    const auto low = HexDigit(text[i + 2]);
    if (!high || !low) return std::nullopt;
    const unsigned value = *high * 16 + *low;
    if (value < 0x20 || value == 0x7f) return std::nullopt;
    decoded.push_back(static_cast<char>(value));
    i += 2;
  }
  return decoded;
}

Status AddParameter(std::string_view pair, Target& target) {
  const std::size_t equals = pair.find('=');
  const auto name = PercentDecode(pair.substr(0, equals));
  const auto value = PercentDecode(equals == std::string_view::npos ? "" : pair.substr(equals + 1));
  if (!name || name->empty() || !value) return Malformed("A query parameter is badly encoded.");
  if (!target.parameters.emplace(*name, *value).second) {
    return Malformed("A query parameter is given twice.");
  }
  return Done{};
}

}  // namespace

HeaderEnd FindHeaderEnd(std::string_view octets, std::size_t& searched) {
  using enum HeaderEnd::State;
  for (std::size_t i = searched; i < octets.size(); ++i) {
    const char c = octets[i];
    if (c == '\r') {
      if (i + 1 == octets.size()) break;  // look again when its LF is here
      if (octets[i + 1] != '\n') return {kBroken, 0, "A CR without LF in the header."};
      if (i == 0) return {kBroken, 0, "An empty line where the request line should be."};
      if (octets[i - 1] == '\n') return {kComplete, i + 2, {}};
      ++i;
    } else if (c == '\n') {
      return {kBroken, 0, "A LF without CR in the header."};
    } else if ((c == ' ' || c == '\t') && (i == 0 || octets[i - 1] == '\n')) {
      return {kBroken, 0, "A folded header line."};  // RFC 9112 section 5.2
    } else if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == '\x7f') {
      return {kBroken, 0, "A control character in the header."};
    }
    searched = i + 1;
  }
  return {kIncomplete, 0, {}};
}

class RequestParser::Impl {
 public:
  Collector<true> parser;
  bool limited = false;
};

RequestParser::RequestParser() : impl_(std::make_unique<Impl>()) {}
RequestParser::~RequestParser() = default;

Result<RequestHead> RequestParser::Head(std::string_view octets) {
  auto& parser = impl_->parser;
  if (const auto error = PutHead(parser, octets)) {
    if (parser.too_many) return Failure{Reason::kTooLarge, "Too many headers."};
    return Malformed("Not an HTTP/1.1 request: " + error.message() + ".");
  }
  RequestHead head;
  head.method = std::move(parser.method);
  head.target = std::move(parser.target);
  head.version = parser.version;
  head.headers = std::move(parser.headers);
  if (const auto form = CheckTargetForm(head.target); !form) return form.error();
  if (const auto framing = CheckFraming(head); !framing) return framing.error();
  head.keep_alive = head.version == 11 && parser.keep_alive();
  head.chunked = parser.chunked();
  if (const auto length = parser.content_length()) head.content_length = *length;
  return head;
}

BodyState RequestParser::Body(std::string_view octets, std::size_t& used, std::uint64_t limit,
                              const BodySink& sink) {
  return PutBody(impl_->parser, octets, used, limit, impl_->limited, sink);
}

class ResponseParser::Impl {
 public:
  Collector<false> parser;
  bool limited = false;
};

ResponseParser::ResponseParser() : impl_(std::make_unique<Impl>()) {}
ResponseParser::~ResponseParser() = default;

Result<ResponseHead> ResponseParser::Head(std::string_view octets, bool to_head) {
  auto& parser = impl_->parser;
  parser.skip(to_head);
  if (const auto error = PutHead(parser, octets)) {
    return Malformed("Not an HTTP/1.1 response: " + error.message() + ".");
  }
  return ResponseHead{parser.status, std::move(parser.headers), parser.keep_alive()};
}

BodyState ResponseParser::Body(std::string_view octets, std::size_t& used, std::uint64_t limit,
                               const BodySink& sink) {
  return PutBody(impl_->parser, octets, used, limit, impl_->limited, sink);
}

BodyState ResponseParser::End() {
  if (impl_->parser.is_done()) return BodyState::kComplete;
  if (!impl_->parser.need_eof()) return BodyState::kBroken;
  return BodyState::kComplete;
}

Result<Target> ParseTarget(std::string_view text) {
  Target target;
  const std::size_t question = text.find('?');
  const std::string_view path = text.substr(0, question);
  if (question != std::string_view::npos) target.query = text.substr(question + 1);

  // A decoded slash would make two segments of one.
  if (path.find("%2f") != std::string_view::npos || path.find("%2F") != std::string_view::npos) {
    return Malformed("An encoded slash in the path.");
  }
  auto decoded = PercentDecode(path);
  if (!decoded) return Malformed("The path is badly encoded.");
  if (decoded->find("..") != std::string::npos || decoded->find("/./") != std::string::npos ||
      decoded->ends_with("/.")) {
    return Malformed("A relative path.");
  }
  target.path = *std::move(decoded);

  std::string_view rest = target.query;
  while (!rest.empty()) {
    const std::size_t end = rest.find('&');
    if (const auto added = AddParameter(rest.substr(0, end), target); !added) return added.error();
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  }
  return target;
}

}  // namespace acb::platform
