#include "platform/http_message.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <cstring>

#include "firmware/base/ascii.h"
#include "firmware/base/utf8.h"

namespace acb::platform {
namespace {

struct RoleName {
  Role role;
  std::string_view name;
};
constexpr std::array kRoleNames = {
    RoleName{Role::kDsp, "dsp"},           RoleName{Role::kNorthbound, "northbound"},
    RoleName{Role::kFeed, "feed"},         RoleName{Role::kAuditor, "auditor"},
    RoleName{Role::kOperator, "operator"},
};

// RFC 8259 section 8.1: every answer in JSON is UTF-8. What it quotes of a file or a certificate
// need not be, and Boost.JSON hands it on as it is: this is the one place that all of them pass.
std::string Serialized(const boost::json::value& value) {
  return WellFormedUtf8(boost::json::serialize(value));
}

boost::json::object Document(const Failure& failure, int status) {
  const ReasonInfo& info = Describe(failure.reason);
  boost::json::object document;
  // Relative to the service: GET /v1/reasons describes each.
  document["type"] = "/v1/reasons#" + std::string(info.name);
  document["title"] = info.sentence;
  document["status"] = status;
  if (!failure.explanation.empty()) document["detail"] = failure.explanation;
  document["reason"] = info.name;
  document["reason_number"] = std::to_string(static_cast<unsigned>(info.reason));
  document["response_code"] = info.duis_code;
  return document;
}

HttpResponse Respond(int status, const boost::json::object& document) {
  HttpResponse response;
  response.status = status;
  response.content_type = "application/problem+json";
  response.body = Serialized(document);
  if (status == 503) {
    response.headers.push_back({"Retry-After", std::to_string(kRetryAfterSeconds)});
  }
  return response;
}

void Merge(boost::json::object& document, const boost::json::object& extra) {
  for (const auto& member : extra) document[member.key()] = member.value();
}

}  // namespace

std::string_view Name(Role role) {
  return std::ranges::find(kRoleNames, role, &RoleName::role)->name;
}

std::optional<Role> RoleFromName(std::string_view name) {
  const auto found = std::ranges::find(kRoleNames, name, &RoleName::name);
  if (found == kRoleNames.end()) return std::nullopt;
  return found->role;
}

bool ClientIdentity::MayUse(std::string_view method, std::string_view pattern) const {
  if (!rights || rights->endpoints.empty()) return true;
  return std::ranges::find(rights->endpoints, std::string(method).append(" ").append(pattern)) !=
         rights->endpoints.end();
}

std::optional<std::string_view> FindHeader(const std::vector<HttpHeader>& headers,
                                           std::string_view name) {
  std::optional<std::string_view> found;
  for (const HttpHeader& header : headers) {
    if (!SameIgnoringCase(header.name, name)) continue;
    if (found) return std::nullopt;
    found = header.value;
  }
  return found;
}

Result<HttpBody> HttpBody::Map(const Descriptor& file, std::size_t size) {
  HttpBody body;
  if (size == 0) return body;
  void* mapped = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
  if (mapped == MAP_FAILED) {
    return Failure{Reason::kStoreUnavailable,
                   {},
                   std::string("mmap of a request body: ") + std::strerror(errno)};
  }
  body.mapped_ = static_cast<const std::uint8_t*>(mapped);
  body.mapped_size_ = size;
  return body;
}

HttpBody::~HttpBody() { Unmap(); }

HttpBody::HttpBody(HttpBody&& other) noexcept
    : octets_(std::move(other.octets_)),
      mapped_(std::exchange(other.mapped_, nullptr)),
      mapped_size_(std::exchange(other.mapped_size_, 0)) {}

HttpBody& HttpBody::operator=(HttpBody&& other) noexcept {
  if (this != &other) {
    Unmap();
    octets_ = std::move(other.octets_);
    mapped_ = std::exchange(other.mapped_, nullptr);
    mapped_size_ = std::exchange(other.mapped_size_, 0);
  }
  return *this;
}

void HttpBody::LetGo(BytesView part) const {
  if (!in_file() || part.empty()) return;
  // Whoever read the part had the pages around it mapped too (fault_around_bytes, 64 KiB).
  constexpr std::size_t kAround = std::size_t{64} << 10;
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const auto offset = static_cast<std::size_t>(part.data() - mapped_);
  const std::size_t from = (offset - std::min(offset, kAround)) / page * page;
  const std::size_t to = std::min(offset + part.size() + kAround, mapped_size_);
  // A refusal leaves the pages where they are, and that is all.
  ::madvise(const_cast<std::uint8_t*>(mapped_) + from, to - from, MADV_DONTNEED);
}

void HttpBody::Unmap() noexcept {
  if (mapped_ != nullptr) ::munmap(const_cast<std::uint8_t*>(mapped_), mapped_size_);
  mapped_ = nullptr;
}

std::string_view HttpRequest::Parameter(std::string_view name) const {
  const auto found = parameters.find(name);
  return found == parameters.end() ? std::string_view{} : std::string_view(found->second);
}

std::optional<std::string_view> HttpRequest::QueryParameter(std::string_view name) const {
  const auto found = query_parameters.find(name);
  if (found == query_parameters.end()) return std::nullopt;
  return found->second;
}

HttpResponse Problem(const Failure& failure) {
  return ProblemWithStatus(failure, Describe(failure.reason).http_status);
}

HttpResponse Problem(const Failure& failure, const boost::json::object& extra) {
  const int status = Describe(failure.reason).http_status;
  boost::json::object document = Document(failure, status);
  Merge(document, extra);
  return Respond(status, document);
}

HttpResponse ProblemWithStatus(const Failure& failure, int status) {
  return Respond(status, Document(failure, status));
}

std::string ProblemJson(const Failure& failure, const boost::json::object& extra) {
  boost::json::object document = Document(failure, Describe(failure.reason).http_status);
  Merge(document, extra);
  return Serialized(document);
}

HttpResponse JsonResponse(const boost::json::value& value) {
  HttpResponse response;
  response.body = Serialized(value);
  return response;
}

std::string_view StatusText(int status) {
  struct Text {
    int status;
    std::string_view text;
  };
  static constexpr std::array kTexts = {
      Text{200, "OK"},
      Text{202, "Accepted"},
      Text{204, "No Content"},
      Text{400, "Bad Request"},
      Text{403, "Forbidden"},
      Text{404, "Not Found"},
      Text{405, "Method Not Allowed"},
      Text{406, "Not Acceptable"},
      Text{408, "Request Timeout"},
      Text{409, "Conflict"},
      Text{413, "Content Too Large"},
      Text{415, "Unsupported Media Type"},
      Text{417, "Expectation Failed"},
      Text{422, "Unprocessable Content"},
      Text{429, "Too Many Requests"},
      Text{431, "Request Header Fields Too Large"},
      Text{500, "Internal Server Error"},
      Text{503, "Service Unavailable"},
  };
  const auto found = std::ranges::find(kTexts, status, &Text::status);
  return found == kTexts.end() ? "Status" : found->text;
}

}  // namespace acb::platform
