// The members of a JSON object that a client sent.
#pragma once

#include <boost/json/object.hpp>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "firmware/base/result.h"
#include "platform/http_message.h"

namespace acb::platform {

// Octets of a text, at most.
inline constexpr std::size_t kMaxTextMember = 200;

// The body as an object, in which no object names a member twice, with no other members than
// `known`: one that is misspelt must not be taken for one that is left out. kMalformed.
Result<boost::json::object> ReadObject(const HttpRequest& request,
                                       std::initializer_list<std::string_view> known);

// A text of 1 to kMaxTextMember octets. kMalformed, also when it is missing.
Result<std::string> TextMember(const boost::json::object& object, std::string_view name);

// A 64-bit number as a decimal string (design.md section 8). kMalformed, also when it is missing.
Result<std::uint64_t> NumberMember(const boost::json::object& object, std::string_view name);

}  // namespace acb::platform
