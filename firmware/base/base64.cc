#include "firmware/base/base64.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace acb {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<std::int8_t, 256> kValues = [] {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    values[static_cast<std::uint8_t>(kAlphabet[i])] = static_cast<std::int8_t>(i);
  }
  return values;
}();

// The groups of four digits that `text` begins with, and takes them from it: most of what is read
// is nothing else.
Bytes WholeGroups(std::string_view& text) {
  Bytes bytes;
  bytes.resize(text.size() / 4 * 3);
  std::size_t size = 0;
  while (text.size() >= 4) {
    std::int32_t group = 0;
    std::int32_t wrong = 0;  // negative when one is no digit
    for (std::size_t i = 0; i < 4; ++i) {
      const std::int32_t value = kValues[static_cast<std::uint8_t>(text[i])];
      wrong |= value;
      group = group << 6 | (value & 63);
    }
    if (wrong < 0) break;
    for (int shift = 16; shift >= 0; shift -= 8) {
      bytes[size++] = static_cast<std::uint8_t>(group >> shift);
    }
    text.remove_prefix(4);
  }
  bytes.resize(size);
  return bytes;
}

}  // namespace

std::string ToBase64(BytesView bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) group = group << 8 | (k < count ? bytes[i + k] : 0u);
    for (std::size_t k = 0; k < 4; ++k) {
      text.push_back(k <= count ? kAlphabet[group >> (18 - 6 * k) & 63] : '=');
    }
  }
  return text;
}

std::optional<Bytes> FromBase64(std::string_view text) {
  Bytes bytes = WholeGroups(text);
  std::uint32_t group = 0;
  int digits = 0;
  int padding = 0;
  for (const char c : text) {
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') continue;
    if (c == '=') {
      if (digits < 2 || digits + ++padding > 4) return std::nullopt;
      continue;
    }
    const int value = kValues[static_cast<std::uint8_t>(c)];
    if (value < 0 || padding > 0) return std::nullopt;
    group = group << 6 | static_cast<std::uint32_t>(value);
    if (++digits < 4) continue;
    for (int shift = 16; shift >= 0; shift -= 8) {
      bytes.push_back(static_cast<std::uint8_t>(group >> shift));
    }
    group = 0;
    digits = 0;
  }
  if (digits == 0) return padding == 0 ? std::optional(bytes) : std::nullopt;
  if (digits + padding != 4) return std::nullopt;
  group <<= 6 * padding;
  // The bits that padding leaves unused must be zero: one octet string has one text.
  if ((group & ((1u << (8 * padding)) - 1)) != 0) return std::nullopt;
  for (int shift = 16; shift >= 8 * padding; shift -= 8) {
    bytes.push_back(static_cast<std::uint8_t>(group >> shift));
  }
  return bytes;
}

}  // namespace acb
