// UTF-8 (RFC 3629): no overlongs, no surrogates, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace acb {

// The length of the sequence that starts `text`, which is not empty; 0 when it is ill-formed.
std::size_t Utf8Length(std::string_view text);

// Whether a terminal or a page may take a part of the text for an order to itself: a control
// character (C0, DEL, C1), a line or paragraph separator, one that turns the direction of writing,
// or what is no UTF-8.
bool HasControl(std::string_view text);

// The text with each of these as \uXXXX, and the rest as it is.
std::string EscapeControl(std::string_view text);

// The start of `text`, at most `octets` long, that cuts no character in two.
std::string_view Utf8Prefix(std::string_view text, std::size_t octets);

// The text with U+FFFD in the place of each octet that belongs to no character.
std::string WellFormedUtf8(std::string text);

}  // namespace acb
