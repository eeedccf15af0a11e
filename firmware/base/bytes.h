// Octet strings, hex, and bounded big-endian reading and writing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace acb {

using Bytes = std::vector<std::uint8_t>;
using BytesView = std::span<const std::uint8_t>;

inline BytesView AsBytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view AsText(BytesView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline Bytes ToBytes(BytesView view) { return Bytes(view.begin(), view.end()); }
bool Equal(BytesView a, BytesView b);

// Lower case, two digits an octet.
std::string ToHex(BytesView bytes);
// Either case, no separators, an even number of digits; nothing otherwise.
std::optional<Bytes> FromHex(std::string_view text);

// Appends big-endian fields to a buffer of its own.
class ByteWriter {
 public:
  ByteWriter& U8(std::uint8_t value);
  ByteWriter& U16(std::uint16_t value);
  ByteWriter& U32(std::uint32_t value);
  ByteWriter& U64(std::uint64_t value);
  ByteWriter& Raw(BytesView bytes);
  const Bytes& bytes() const& { return bytes_; }
  Bytes&& bytes() && { return std::move(bytes_); }

 private:
  Bytes bytes_;
};

// Reads big-endian fields and never past the end: a short read gives zeros and makes ok() false for
// good, so a caller may read all fields and look once.
class ByteReader {
 public:
  explicit ByteReader(BytesView bytes) : rest_(bytes) {}
  std::uint8_t U8();
  std::uint16_t U16();
  std::uint32_t U32();
  std::uint64_t U64();
  BytesView Raw(std::size_t size);
  BytesView rest() const { return rest_; }
  bool ok() const { return ok_; }
  // Everything was read, and nothing was missing.
  bool Finished() const { return ok_ && rest_.empty(); }

 private:
  std::uint64_t Number(std::size_t octets);
  BytesView rest_;
  bool ok_ = true;
};

}  // namespace acb
