#include "firmware/base/bytes.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace acb {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Most of what is written is a small record: it gets its room at once.
constexpr std::size_t kUsualOctets = 64;
void MakeRoom(Bytes& bytes, std::size_t more) {
  if (bytes.capacity() == 0) bytes.reserve(std::max(kUsualOctets, more));
}

// Big-endian, at one go.
template <class Number>
ByteWriter& Append(Bytes& bytes, Number value, ByteWriter& writer) {
  MakeRoom(bytes, sizeof value);
  std::array<std::uint8_t, sizeof(Number)> octets;
  for (std::size_t i = 0; i < octets.size(); ++i) {
    octets[i] = static_cast<std::uint8_t>(value >> (8 * (octets.size() - 1 - i)));
  }
  bytes.insert(bytes.end(), octets.begin(), octets.end());
  return writer;
}

}  // namespace

bool Equal(BytesView a, BytesView b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

std::string ToHex(BytesView bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::uint8_t octet : bytes) {
    text.push_back(kDigits[octet >> 4]);
    text.push_back(kDigits[octet & 15]);
  }
  return text;
}

std::optional<Bytes> FromHex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  Bytes bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = HexDigit(text[i]);
    const int low = HexDigit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes.push_back(static_cast<std::uint8_t>(high * 16 + low));
  }
  return bytes;
}

ByteWriter& ByteWriter::U8(std::uint8_t value) {
  MakeRoom(bytes_, 1);
  bytes_.push_back(value);
  return *this;
}
ByteWriter& ByteWriter::U16(std::uint16_t value) { return Append(bytes_, value, *this); }
ByteWriter& ByteWriter::U32(std::uint32_t value) { return Append(bytes_, value, *this); }
ByteWriter& ByteWriter::U64(std::uint64_t value) { return Append(bytes_, value, *this); }
ByteWriter& ByteWriter::Raw(BytesView bytes) {
  MakeRoom(bytes_, bytes.size());
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  return *this;
}

BytesView ByteReader::Raw(std::size_t size) {
  if (size > rest_.size()) {
    ok_ = false;
    rest_ = {};
    return {};
  }
  const BytesView taken = rest_.first(size);
  rest_ = rest_.subspan(size);
  return taken;
}

std::uint64_t ByteReader::Number(std::size_t octets) {
  std::uint64_t value = 0;
  for (const std::uint8_t octet : Raw(octets)) value = value << 8 | octet;
  return value;
}

std::uint8_t ByteReader::U8() { return static_cast<std::uint8_t>(Number(1)); }
std::uint16_t ByteReader::U16() { return static_cast<std::uint16_t>(Number(2)); }
std::uint32_t ByteReader::U32() { return static_cast<std::uint32_t>(Number(4)); }
std::uint64_t ByteReader::U64() { return Number(8); }

}  // namespace acb
