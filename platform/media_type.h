// Which of the forms that an answer has is the one the client asked for (RFC 9110 section 12.5.1).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "platform/http_message.h"

namespace acb::platform {

// The media type of `offered` (not empty; lower case) that `accept`, the value of the Accept
// header, wants most. The greatest q wins; at the same q a type that is named before one that only
// a wildcard takes in, then the one offered first. The first one also when there is no header, when
// it takes none of them, or when it is malformed: an answer that was recorded is always sent.
std::string_view ChooseMediaType(std::optional<std::string_view> accept,
                                 std::span<const std::string_view> offered);

// The values of all headers of that name, in any case, as the one list that they are (RFC 9110
// section 5.3); nothing when there is none.
std::optional<std::string> ListHeader(const std::vector<HttpHeader>& headers,
                                      std::string_view name);

// Whether the Content-Type is XML, JSON or CSV in another encoding than UTF-8 by its charset. What
// a body says of itself is its reader's business.
bool NamesAnotherCharset(std::string_view content_type);

}  // namespace acb::platform
