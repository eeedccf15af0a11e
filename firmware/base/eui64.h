// An EUI-64 entity identifier: 8 octets, most significant first (GBCS, SMKI, duis-6.21.md 7.1).
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "firmware/base/bytes.h"

namespace acb {

class Eui64 {
 public:
  explicit constexpr Eui64(std::uint64_t value) : value_(value) {}

  // Exactly 8 octets.
  static std::optional<Eui64> FromOctets(BytesView octets);
  // "90-B3-D5-1F-30-01-00-00" in either case: the form of DUIS.
  static std::optional<Eui64> FromHyphenated(std::string_view text);
  // "90B3D51F30010000" in either case: the form of file names, feeds and URLs.
  static std::optional<Eui64> FromPlain(std::string_view text);
  // Either of the two.
  static std::optional<Eui64> FromText(std::string_view text);

  std::array<std::uint8_t, 8> Octets() const;
  std::string Hyphenated() const;  // upper case
  std::string Plain() const;       // upper case
  constexpr std::uint64_t value() const { return value_; }

  friend constexpr auto operator<=>(Eui64, Eui64) = default;

 private:
  std::uint64_t value_;
};

}  // namespace acb
