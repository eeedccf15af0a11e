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

// Refuses every query: to do what was meant as `?dry_run=true` would be worse. kMalformed.
Status CheckNoQuery(const HttpRequest& request);

// The body as an object, in which no object names a member twice, with no other members than
// `known`: one that is misspelt must not be taken for one that is left out. What is asked for is in
// the body alone, so there is no query. kMalformed.
Result<boost::json::object> ReadObject(const HttpRequest& request,
                                       std::initializer_list<std::string_view> known);

// Whether it is one that is kept, and shown to people: 1 to kMaxTextMember octets without control
// characters, which could make a terminal or a table show something else.
bool IsGoodText(const boost::json::value& value);

// Such a text. kMalformed, also when it is missing.
Result<std::string> TextMember(const boost::json::object& object, std::string_view name);

// A 64-bit number as a decimal string (design.md section 8). kMalformed, also when it is missing.
Result<std::uint64_t> NumberMember(const boost::json::object& object, std::string_view name);

}  // namespace acb::platform
