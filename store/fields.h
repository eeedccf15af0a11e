// The fields that records are made of (FORMAT.md, "Conventions"). Private to store/.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "firmware/base/bytes.h"
#include "firmware/base/time.h"

namespace acb::store {

// Signed times in an order that unsigned octets keep.
inline constexpr std::uint64_t kTimeBias = std::uint64_t{1} << 63;

inline std::uint64_t Biased(UtcTime time) {
  return static_cast<std::uint64_t>(time.milliseconds()) ^ kTimeBias;
}
inline UtcTime Unbiased(std::uint64_t number) {
  return UtcTime(static_cast<std::int64_t>(number ^ kTimeBias));
}

inline void PutText(ByteWriter& out, std::string_view text) {
  out.U8(static_cast<std::uint8_t>(text.size())).Raw(AsBytes(text));
}
inline std::string TakeText(ByteReader& in) {
  const std::size_t size = in.U8();
  return std::string(AsText(in.Raw(size)));
}

// A count of octets, then the number without leading zero octets: most counters and floors are
// small, and there are 100 million rows.
inline void PutShort(ByteWriter& out, std::uint64_t number) {
  std::uint8_t size = 0;
  while (size < 8 && number >> (8 * size) != 0) ++size;
  std::array<std::uint8_t, 9> octets{size};
  for (std::size_t i = 0; i < size; ++i) {
    octets[1 + i] = static_cast<std::uint8_t>(number >> (8 * (size - 1 - i)));
  }
  out.Raw(BytesView(octets).first(1 + std::size_t{size}));
}
// Nothing when it is not the form above, so that one number has one form.
inline std::optional<std::uint64_t> TakeShort(ByteReader& in) {
  const std::uint8_t size = in.U8();
  if (size > 8) return std::nullopt;
  std::uint64_t number = 0;
  for (const std::uint8_t octet : in.Raw(size)) number = number << 8 | octet;
  if (size > 0 && number >> (8 * (size - 1)) == 0) return std::nullopt;
  return number;
}

template <std::size_t N>
std::array<std::uint8_t, N> TakeArray(ByteReader& in) {
  std::array<std::uint8_t, N> array{};
  const BytesView octets = in.Raw(N);
  std::ranges::copy(octets, array.begin());
  return array;
}

inline std::optional<UtcTime> TakeTimeIf(bool present, ByteReader& in) {
  if (!present) return std::nullopt;
  return Unbiased(in.U64());
}

}  // namespace acb::store
