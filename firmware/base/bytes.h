// Octet strings, hex, and bounded big-endian reading and writing.
#pragma once

#include <array>
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
  ByteWriter() = default;
  // Behind what is in `bytes`, in its memory.
  explicit ByteWriter(Bytes bytes) : bytes_(std::move(bytes)) {}
  ByteWriter& U8(std::uint8_t value) {
    MakeRoom(1);
    bytes_.push_back(value);
    return *this;
  }
  ByteWriter& U16(std::uint16_t value) { return Number(value); }
  ByteWriter& U32(std::uint32_t value) { return Number(value); }
  ByteWriter& U64(std::uint64_t value) { return Number(value); }
  ByteWriter& Raw(BytesView bytes) {
    MakeRoom(bytes.size());
    bytes_.insert(bytes_.end(), bytes.data(), bytes.data() + bytes.size());
    return *this;
  }
  std::size_t size() const { return bytes_.size(); }
  const Bytes& bytes() const& { return bytes_; }
  Bytes&& bytes() && { return std::move(bytes_); }

 private:
  // Most of what is written is a small record: it gets its room at once.
  void MakeRoom(std::size_t more) {
    constexpr std::size_t kUsualOctets = 64;
    if (bytes_.capacity() == 0) bytes_.reserve(more > kUsualOctets ? more : kUsualOctets);
  }
  // At one go.
  template <class Unsigned>
  ByteWriter& Number(Unsigned value) {
    std::array<std::uint8_t, sizeof(Unsigned)> octets;
    for (std::size_t i = 0; i < octets.size(); ++i) {
      octets[i] = static_cast<std::uint8_t>(value >> (8 * (octets.size() - 1 - i)));
    }
    return Raw(octets);
  }
  Bytes bytes_;
};

// Reads big-endian fields and never past the end: a short read gives zeros and makes ok() false for
// good, so a caller may read all fields and look once.
class ByteReader {
 public:
  explicit ByteReader(BytesView bytes) : rest_(bytes) {}
  std::uint8_t U8() { return Number<std::uint8_t>(); }
  std::uint16_t U16() { return Number<std::uint16_t>(); }
  std::uint32_t U32() { return Number<std::uint32_t>(); }
  std::uint64_t U64() { return Number<std::uint64_t>(); }
  BytesView Raw(std::size_t size) {
    if (size > rest_.size()) {
      ok_ = false;
      rest_ = {};
      return {};
    }
    const BytesView taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }
  BytesView rest() const { return rest_; }
  bool ok() const { return ok_; }
  // Everything was read, and nothing was missing.
  bool Finished() const { return ok_ && rest_.empty(); }

 private:
  // The compiler makes one load of it: an import reads a thousand million of them.
  template <class Unsigned>
  Unsigned Number() {
    const BytesView octets = Raw(sizeof(Unsigned));
    if (octets.empty()) return 0;
    const std::uint8_t* const from = octets.data();
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(Unsigned); ++i) value = value << 8 | from[i];
    return static_cast<Unsigned>(value);
  }
  BytesView rest_;
  bool ok_ = true;
};

}  // namespace acb
