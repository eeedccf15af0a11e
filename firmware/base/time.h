// Instants. Wall-clock time decides validity only, never order (reliability.md, traps).
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace acb {

// Milliseconds since 1970-01-01T00:00:00Z, no leap seconds. Years 0001 to 9999.
class UtcTime {
 public:
  explicit constexpr UtcTime(std::int64_t milliseconds) : milliseconds_(milliseconds) {}
  static constexpr UtcTime FromSeconds(std::int64_t seconds) { return UtcTime(seconds * 1000); }

  // "2026-11-21T12:00:00Z", with an optional fraction (cut to milliseconds) and with "Z" or
  // "+hh:mm" / "-hh:mm" up to 14:00; 24:00:00 is the end of the day. A time without a zone gives
  // nothing, as do 30 February and an instant whose year in UTC is not 0001 to 9999.
  static std::optional<UtcTime> FromIso(std::string_view text);
  // "2026-11-21": the start of that day, UTC.
  static std::optional<UtcTime> FromIsoDate(std::string_view text);

  constexpr std::int64_t milliseconds() const { return milliseconds_; }
  // Rounded down.
  constexpr std::int64_t seconds() const {
    return milliseconds_ / 1000 - (milliseconds_ % 1000 < 0 ? 1 : 0);
  }
  std::string Iso() const;  // "2026-11-21T12:00:00.000Z"
  constexpr UtcTime PlusSeconds(std::int64_t seconds) const {
    return UtcTime(milliseconds_ + seconds * 1000);
  }

  friend constexpr auto operator<=>(UtcTime, UtcTime) = default;

 private:
  std::int64_t milliseconds_;
};

// Port: real or fake. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  // The time that is recorded in the log.
  virtual UtcTime Now() const = 0;
};

}  // namespace acb
