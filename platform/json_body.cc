#include "platform/json_body.h"

#include <algorithm>
#include <boost/json.hpp>

#include "firmware/base/request_id.h"

namespace acb::platform {

Result<boost::json::object> ReadObject(const HttpRequest& request) {
  boost::json::error_code error;
  boost::json::value value = boost::json::parse(request.body.Text(), error);
  if (error || !value.is_object()) {
    return Failure(Reason::kMalformed, "the body must be a JSON object");
  }
  return std::move(value.get_object());
}

Result<boost::json::object> ReadObject(const HttpRequest& request,
                                       std::initializer_list<std::string_view> known) {
  auto object = ReadObject(request);
  if (!object) return object;
  for (const auto& member : *object) {
    if (std::ranges::find(known, std::string_view(member.key())) == known.end()) {
      return Failure(Reason::kMalformed, "'" + std::string(member.key()) + "' is not known here");
    }
  }
  return object;
}

Result<std::string> TextMember(const boost::json::object& object, std::string_view name) {
  const boost::json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_string() || value->get_string().empty() ||
      value->get_string().size() > kMaxTextMember) {
    return Failure(Reason::kMalformed, "'" + std::string(name) + "' must be a text of 1 to " +
                                           std::to_string(kMaxTextMember) + " octets");
  }
  return std::string(value->get_string());
}

Result<std::uint64_t> NumberMember(const boost::json::object& object, std::string_view name) {
  const boost::json::value* value = object.if_contains(name);
  const auto number = value != nullptr && value->is_string()
                          ? ParseDecimal(std::string_view(value->get_string()))
                          : std::nullopt;
  if (number) return *number;
  return Failure(Reason::kMalformed,
                 "'" + std::string(name) + "' must be a decimal number of 64 bits, as a string");
}

}  // namespace acb::platform
