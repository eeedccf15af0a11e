// Which of the forms that an answer has is the one the client asked for (RFC 9110 section 12.5.1).
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace acb::platform {

// The media type of `offered` (not empty; lower case) that `accept`, the value of the Accept
// header, wants most. The greatest q wins; at the same q a type that is named before one that only
// a wildcard takes in, then the one offered first. The first one also when there is no header, when
// it takes none of them, or when it is malformed: an answer that was recorded is always sent.
std::string_view ChooseMediaType(std::optional<std::string_view> accept,
                                 std::span<const std::string_view> offered);

}  // namespace acb::platform
