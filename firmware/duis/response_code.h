// The closed enumeration ResponseCode of the DUIS XML Schema V5.4 (duis-6.21.md section 3.1).
#pragma once

#include <span>
#include <string_view>

namespace acb::duis {

// Every code of the enumeration, in the order of the schema. Data, not meaning: what most of them
// stand for is not public (duis-6.21.md section 3.2).
std::span<const std::string_view> AllResponseCodes();

// Case and blanks count, as in the schema (xs:string).
bool IsResponseCode(std::string_view code);

// What a Response says of a request that was served.
inline constexpr std::string_view kSuccess = "I0";

}  // namespace acb::duis
