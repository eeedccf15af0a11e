#include "platform/review/html.h"

namespace acb::review {
namespace {

bool IsUnreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

}  // namespace

Html& Html::Text(std::string_view data) {
  for (const char c : data) {
    switch (c) {
      case '&':
        text_ += "&amp;";
        break;
      case '<':
        text_ += "&lt;";
        break;
      case '>':
        text_ += "&gt;";
        break;
      case '"':
        text_ += "&quot;";
        break;
      case '\'':
        text_ += "&#39;";
        break;
      case '\0':  // not allowed in HTML in any form
        text_ += "\xEF\xBF\xBD";
        break;
      default:
        text_ += c;
        break;
    }
  }
  return *this;
}

Html& Html::Number(std::uint64_t number) {
  constexpr std::size_t kGroup = 3;
  const std::string digits = std::to_string(number);
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % kGroup == 0) text_ += ',';
    text_ += digits[i];
  }
  return *this;
}

std::string PercentEncoded(std::string_view value) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : value) {
    if (IsUnreserved(c)) {
      encoded += c;
      continue;
    }
    const auto octet = static_cast<unsigned char>(c);
    encoded += '%';
    encoded += kHex[octet >> 4];
    encoded += kHex[octet & 0xF];
  }
  return encoded;
}

}  // namespace acb::review
