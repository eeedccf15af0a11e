#include "firmware/base/eui64.h"

#include <cctype>

namespace acb {
namespace {

constexpr std::size_t kOctets = 8;
constexpr std::size_t kHyphenatedLength = 3 * kOctets - 1;

std::string Upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::optional<Eui64> Eui64::FromOctets(BytesView octets) {
  if (octets.size() != kOctets) return std::nullopt;
  return Eui64(ByteReader(octets).U64());
}

std::optional<Eui64> Eui64::FromPlain(std::string_view text) {
  if (text.size() != 2 * kOctets) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    const int digit = HexDigit(c);
    if (digit < 0) return std::nullopt;
    value = value << 4 | static_cast<std::uint64_t>(digit);
  }
  return Eui64(value);
}

std::optional<Eui64> Eui64::FromHyphenated(std::string_view text) {
  if (text.size() != kHyphenatedLength) return std::nullopt;
  std::array<char, 2 * kOctets> plain;
  std::size_t size = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i % 3 != 2) {
      plain[size++] = text[i];
    } else if (text[i] != '-') {
      return std::nullopt;
    }
  }
  return FromPlain({plain.data(), plain.size()});
}

std::optional<Eui64> Eui64::FromText(std::string_view text) {
  return text.size() == kHyphenatedLength ? FromHyphenated(text) : FromPlain(text);
}

std::array<std::uint8_t, 8> Eui64::Octets() const {
  std::array<std::uint8_t, 8> octets;
  for (std::size_t i = 0; i < kOctets; ++i) {
    octets[i] = static_cast<std::uint8_t>(value_ >> (8 * (kOctets - 1 - i)));
  }
  return octets;
}

std::string Eui64::Plain() const { return Upper(ToHex(Octets())); }

std::string Eui64::Hyphenated() const {
  const std::string plain = Plain();
  std::string text;
  for (std::size_t i = 0; i < plain.size(); i += 2) {
    if (i > 0) text.push_back('-');
    text.append(plain, i, 2);
  }
  return text;
}

}  // namespace acb
