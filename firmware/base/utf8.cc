#include "firmware/base/utf8.h"

#include <algorithm>
#include <cstdint>

namespace acb {

std::size_t Utf8Length(std::string_view text) {
  const auto octet = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const auto continues = [&](std::size_t i) {
    return i < text.size() && (octet(i) & 0xC0) == 0x80;
  };
  const std::uint8_t first = octet(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return continues(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if (!continues(1) || !continues(2)) return 0;
    if ((first == 0xE0 && octet(1) < 0xA0) || (first == 0xED && octet(1) > 0x9F)) return 0;
    return 3;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (!continues(1) || !continues(2) || !continues(3)) return 0;
    if ((first == 0xF0 && octet(1) < 0x90) || (first == 0xF4 && octet(1) > 0x8F)) return 0;
    return 4;
  }
  return 0;
}

std::string_view Utf8Prefix(std::string_view text, std::size_t octets) {
  std::size_t end = 0;
  while (end < text.size()) {
    const std::size_t length = std::max<std::size_t>(1, Utf8Length(text.substr(end)));
    if (end + length > octets) break;
    end += length;
  }
  return text.substr(0, end);
}

std::string WellFormedUtf8(std::string text) {
  std::string_view rest = text;
  std::string formed;
  while (!rest.empty()) {
    const std::size_t length = Utf8Length(rest);
    formed += length == 0 ? std::string_view("\xEF\xBF\xBD") : rest.substr(0, length);
    rest.remove_prefix(std::max<std::size_t>(1, length));
  }
  return formed;
}

}  // namespace acb
