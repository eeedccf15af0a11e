// HTTP requests and responses as the endpoints see them, and the problem documents that say no.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/base/bytes.h"
#include "firmware/base/descriptor.h"
#include "firmware/base/eui64.h"
#include "firmware/base/result.h"

namespace acb::platform {

// What a client may do (design.md section 8).
enum class Role : std::uint8_t { kDsp, kNorthbound, kFeed, kAuditor, kOperator };

// "dsp", "northbound", "feed", "auditor", "operator".
std::string_view Name(Role role);
std::optional<Role> RoleFromName(std::string_view name);

// The channel of a client to which configuration gives none (R-074-5).
inline constexpr std::string_view kUsualChannel = "gateway";

class RoleSet {
 public:
  constexpr RoleSet(std::initializer_list<Role> roles) {
    for (const Role role : roles) bits_ |= Bit(role);
  }
  // Every client that configuration names.
  static constexpr RoleSet Any() {
    return {Role::kDsp, Role::kNorthbound, Role::kFeed, Role::kAuditor, Role::kOperator};
  }
  constexpr bool Has(Role role) const { return (bits_ & Bit(role)) != 0; }

 private:
  static constexpr unsigned Bit(Role role) { return 1U << static_cast<unsigned>(role); }
  unsigned bits_ = 0;
};

// What configuration takes away from one client of what its role may do.
struct ClientRights {
  // "POST /v1/handovers", as a route is spelled; empty: every endpoint of the role.
  std::vector<std::string> endpoints;
  // Of DUIS requests that it may hand in; empty: every one.
  std::vector<Eui64> originators;
};

// Who is at the other end of the TLS connection.
struct ClientIdentity {
  std::string name;        // the dNSName of the certificate that configuration names, lower case
  Role role;               // the one that configuration gives it
  std::string sha256;      // of the certificate's DER, lower-case hex
  std::string key_sha256;  // of its SubjectPublicKeyInfo: who holds one key is one operator
  // The label that configuration gives its channel (R-074-5).
  std::string channel = std::string(kUsualChannel);
  std::shared_ptr<const ClientRights> rights = {};  // none: nothing is taken away

  bool MayUse(std::string_view method, std::string_view pattern) const;
};

struct HttpHeader {
  std::string name;
  std::string value;
};

// The value of the one header of that name, in any case; nothing when there is none or several.
std::optional<std::string_view> FindHeader(const std::vector<HttpHeader>& headers,
                                           std::string_view name);

// The octets of a body: in memory, or in an unlinked file that is mapped. Move only.
class HttpBody {
 public:
  HttpBody() = default;
  explicit HttpBody(Bytes octets) : octets_(std::move(octets)) {}
  // Maps `size` octets of the file, which nobody else can reach or change. They were written, so
  // only a failing disk can end the process (SIGBUS) when they are read. kStoreUnavailable.
  static Result<HttpBody> Map(const Descriptor& file, std::size_t size);
  ~HttpBody();
  HttpBody(HttpBody&& other) noexcept;
  HttpBody& operator=(HttpBody&& other) noexcept;
  HttpBody(const HttpBody&) = delete;
  HttpBody& operator=(const HttpBody&) = delete;

  // Valid as long as the body lives.
  BytesView View() const { return mapped_ ? BytesView(mapped_, mapped_size_) : octets_; }
  std::string_view Text() const { return AsText(View()); }
  std::size_t size() const { return View().size(); }
  bool in_file() const { return mapped_ != nullptr; }
  // The octets of `part`, a part of View(), are not wanted soon: if they are in a file, its pages
  // go out of this process's memory, and come back when they are read. Thread-safe.
  void LetGo(BytesView part) const;

 private:
  void Unmap() noexcept;
  Bytes octets_;
  const std::uint8_t* mapped_ = nullptr;
  std::size_t mapped_size_ = 0;
};

// Takes a body while it comes, in place of an HttpBody. One thread at a time; destroyed when the
// request was answered, or when its connection ended.
class BodyIntake {
 public:
  virtual ~BodyIntake() = default;
  // May block. False: it failed, and the rest is of no use; WhyNot says why. What is wrong with the
  // octets is told by the handler, once all have come.
  virtual bool Take(std::string_view piece) = 0;
  // After a Take that gave false.
  virtual Failure WhyNot() = 0;
  virtual std::uint64_t size() const = 0;  // octets that came
};

struct HttpRequest {
  std::string method;  // as sent: "POST"
  std::string path;    // percent-decoded, begins with "/", no "." or ".." segment
  std::string query;   // as sent, without "?"; empty when there is none
  // Of the route's pattern: "/v1/devices/{device}" gives "device".
  std::map<std::string, std::string, std::less<>> parameters;
  // Of the query, percent-decoded ("+" stays "+"). A name given twice was refused before.
  std::map<std::string, std::string, std::less<>> query_parameters;
  std::vector<HttpHeader> headers;
  HttpBody body;
  // With one it has the octets, and `body` has none (Route::intake).
  std::shared_ptr<BodyIntake> intake = {};
  ClientIdentity client;
  std::string peer;  // "127.0.0.1:40312", for logs
  std::string id;    // of this request, in each line of the log that is about it

  std::optional<std::string_view> Header(std::string_view name) const {
    return FindHeader(headers, name);
  }
  std::uint64_t BodySize() const { return intake ? intake->size() : body.size(); }
  // Empty when the name is not in the pattern.
  std::string_view Parameter(std::string_view name) const;
  std::optional<std::string_view> QueryParameter(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  // In place of `body`: the first `file_size` octets of a file that nobody changes any more
  // (unnamed_file.h), sent in constant memory. The client must take kSpoolOctetsPerSecond.
  std::shared_ptr<const Descriptor> file = {};
  std::uint64_t file_size = 0;
  // Most answers are of one moment. What never changes says so.
  std::string cache_control = "no-store";
  // Without Content-Type, Content-Length, Connection, Date and Cache-Control, which the server
  // writes.
  std::vector<HttpHeader> headers;

  std::uint64_t body_size() const { return file ? file_size : body.size(); }
};

// Seconds a client should wait after a fault.
inline constexpr int kRetryAfterSeconds = 2;

// The problem document (RFC 9457) of a failure: {"type", "title", "status", "detail", "reason",
// "reason_number", "response_code"}, with the members of `extra` added or put in their place.
// "detail" is the explanation, left out when empty; the operator's detail is never in it. Faults
// carry Retry-After.
HttpResponse Problem(const Failure& failure);
HttpResponse Problem(const Failure& failure, const boost::json::object& extra);
// Of the transport: another status than the reason's (400, 408, 417, 431 ...).
HttpResponse ProblemWithStatus(const Failure& failure, int status);
// The document alone.
std::string ProblemJson(const Failure& failure, const boost::json::object& extra);

// 200 with a JSON body.
HttpResponse JsonResponse(const boost::json::value& value);

// "Content Too Large" for 413; "Status" when the number has no name here.
std::string_view StatusText(int status);

}  // namespace acb::platform
