#include "firmware/base/base64.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

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

// The value of each digit, moved to where it belongs in the 24 bits of its group; what is no digit
// sets kNoDigit.
constexpr std::uint32_t kNoDigit = 0x8000'0000;
using Placed = std::array<std::uint32_t, 256>;
constexpr Placed PlacedAt(int shift) {
  Placed table{};
  for (std::size_t c = 0; c < table.size(); ++c) {
    table[c] = kValues[c] < 0 ? kNoDigit : static_cast<std::uint32_t>(kValues[c]) << shift;
  }
  return table;
}
constexpr Placed kFirst = PlacedAt(18);
constexpr Placed kSecond = PlacedAt(12);
constexpr Placed kThird = PlacedAt(6);
constexpr Placed kLast = PlacedAt(0);

// The groups of four digits that `text` begins with, and takes them from it: most of what is read
// is nothing else.
Bytes WholeGroups(std::string_view& text) {
  Bytes bytes(text.size() / 4 * 3);
  // Pointers: this is half of what a feed's certificates cost, and the lengths are set above.
  const auto* const digits = reinterpret_cast<const std::uint8_t*>(text.data());
  std::uint8_t* const octets = bytes.data();
  std::size_t size = 0;
  std::size_t at = 0;
  for (; text.size() - at >= 4; at += 4, size += 3) {
    const std::uint8_t* const four = digits + at;
    const std::uint32_t group =
        kFirst[four[0]] | kSecond[four[1]] | kThird[four[2]] | kLast[four[3]];
    if ((group & kNoDigit) != 0) break;
    octets[size] = static_cast<std::uint8_t>(group >> 16);
    octets[size + 1] = static_cast<std::uint8_t>(group >> 8);
    octets[size + 2] = static_cast<std::uint8_t>(group);
  }
  text.remove_prefix(at);
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
  if (digits == 0) return padding == 0 ? std::optional(std::move(bytes)) : std::nullopt;
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
