#include "firmware/base/utf8.h"

#include <algorithm>
#include <cstdint>

namespace acb {
namespace {

// The code point of a well-formed sequence. All of four octets are above what
// IsControl knows.
std::uint32_t PointOf(std::string_view sequence) {
  constexpr std::uint32_t kHighest = 0x10FFFF;
  const auto low = [&](std::size_t i, std::uint32_t mask) {
    return static_cast<std::uint8_t>(sequence[i]) & mask;
  };
  switch (sequence.size()) {
    case 1:
      return low(0, 0x7F);
    case 2:
      return (low(0, 0x1F) << 6U) | low(1, 0x3F);
    case 3:
      return (low(0, 0x0F) << 12U) | (low(1, 0x3F) << 6U) | low(2, 0x3F);
    default:
      return kHighest;
  }
}

// C0, DEL and C1; U+2028 and U+2029; what turns the direction of writing (UAX 9).
bool IsControl(std::uint32_t point) {
  return point < 0x20 || (point >= 0x7F && point < 0xA0) || point == 0x200E || point == 0x200F ||
         (point >= 0x2028 && point <= 0x202E) || (point >= 0x2066 && point <= 0x2069);
}

void AppendEscape(std::string& out, std::uint32_t point) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  out += "\\u";
  for (const unsigned shift : {12U, 8U, 4U, 0U}) out += kDigits[(point >> shift) & 0xFU];
}

}  // namespace

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

std::string EscapeControl(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t length = Utf8Length(text);
    const std::string_view sequence = text.substr(0, length == 0 ? 1 : length);
    text.remove_prefix(sequence.size());
    if (length == 0) {
      AppendEscape(out, static_cast<std::uint8_t>(sequence.front()));
    } else if (const std::uint32_t point = PointOf(sequence); IsControl(point)) {
      AppendEscape(out, point);
    } else {
      out += sequence;
    }
  }
  return out;
}

bool HasControl(std::string_view text) {
  // An escape is longer than what it stands for.
  return EscapeControl(text).size() != text.size();
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
