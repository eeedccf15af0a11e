// The name of one DUIS request: BusinessOriginatorID:BusinessTargetID:OriginatorCounter
// (duis-6.21.md section 1.2).
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "firmware/base/bytes.h"
#include "firmware/base/eui64.h"

namespace acb {

struct RequestId {
  Eui64 originator;  // the User
  Eui64 target;      // the device
  // Chosen by the User, 0 .. 2^64-1. It never reaches the device (pattern C of section 1.2).
  std::uint64_t counter;

  // The text after XML white space was collapsed. Hex digits in either case; the counter without
  // sign or leading zero.
  static std::optional<RequestId> FromText(std::string_view text);
  // One text for one RequestID: EUIs hyphenated in upper case.
  std::string Text() const;
  static constexpr std::size_t kKeyOctets = 24;
  // kKeyOctets, big-endian: the store's key. One key for every spelling.
  Bytes Key() const;

  friend constexpr auto operator<=>(const RequestId&, const RequestId&) = default;
};

// An unsigned decimal of up to 64 bits: digits only, no leading zero (but "0"), no sign.
std::optional<std::uint64_t> ParseDecimal(std::string_view text);

}  // namespace acb
