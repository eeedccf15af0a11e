// HTTP/1.x messages out of octets: Boost.Beast's parser behind a stricter door.
//
// Beast 1.81 takes messages that two parties may read differently (ecosystem.md section 4): here
// they are refused. Source: RFC 9112.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/base/bytes.h"
#include "platform/http_message.h"

namespace acb::platform {

inline constexpr std::size_t kMaxHeaders = 64;
// A chunk's size line with what may stand before it, and the trailer.
inline constexpr std::size_t kMaxChunkLineOctets = 4096;

// Where the header that begins `octets` ends, looked for from `searched` on, as far as it has come.
struct HeaderEnd {
  enum class State { kComplete, kIncomplete, kBroken };
  State state;
  std::size_t size;        // with the empty line; when complete
  std::string_view error;  // when broken: a bare CR or LF, a control character, a folded line
};
HeaderEnd FindHeaderEnd(std::string_view octets, std::size_t& searched);

struct RequestHead {
  std::string method;
  std::string target;
  int version = 11;  // 10 or 11
  std::vector<HttpHeader> headers;
  bool keep_alive = false;
  bool chunked = false;
  std::optional<std::uint64_t> content_length;
  bool has_body() const { return chunked || content_length.value_or(0) > 0; }
};

struct ResponseHead {
  int status = 0;
  std::vector<HttpHeader> headers;
  bool keep_alive = false;
};

// Receives a body piece by piece; false ends the parsing with kSinkFailed.
using BodySink = std::function<bool(std::string_view piece)>;

enum class BodyState { kNeedMore, kComplete, kBroken, kTooLarge, kSinkFailed };

// One request. First Head with the header's octets, then Body with what follows until it is
// complete.
class RequestParser {
 public:
  RequestParser();
  ~RequestParser();

  // `octets`: a whole header as FindHeaderEnd found it. kMalformed: not HTTP, or one of the forms
  // that are refused here:
  //   any Transfer-Encoding but exactly "chunked", in HTTP/1.0 any; more than one of a header that
  //   decides something; lists in Content-Length; Host missing in 1.1; a target that does not begin
  //   with "/", or with a fragment or octets that are not printable ASCII.
  // kTooLarge: more than kMaxHeaders.
  Result<RequestHead> Head(std::string_view octets);

  // Takes octets of the body from the front of `octets` and says in `used` how many. `limit` counts
  // decoded octets and must be the same at each call.
  BodyState Body(std::string_view octets, std::size_t& used, std::uint64_t limit,
                 const BodySink& sink);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// One response.
class ResponseParser {
 public:
  ResponseParser();
  ~ResponseParser();
  // `to_head`: the request was HEAD, so there is no body.
  Result<ResponseHead> Head(std::string_view octets, bool to_head);
  BodyState Body(std::string_view octets, std::size_t& used, std::uint64_t limit,
                 const BodySink& sink);
  // The connection was closed: complete only when the body ends there by its own rule.
  BodyState End();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// Path and query of a target: percent-decoding, and what must not be in either.
// kMalformed: a bad escape, a decoded control character, slash or "..", a query name given twice.
struct Target {
  std::string path;
  std::string query;
  std::map<std::string, std::string, std::less<>> parameters;
};
Result<Target> ParseTarget(std::string_view target);

}  // namespace acb::platform
