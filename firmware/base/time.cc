#include "firmware/base/time.h"

#include <array>
#include <chrono>
#include <cstdio>

namespace acb {
namespace {

// XML Schema part 2, 3.2.7.3: time zones from -14:00 to +14:00.
constexpr int kMaxZoneMinutes = 14 * 60;

// Exactly `digits` ASCII digits at the front of `text`, which moves on; nothing otherwise.
std::optional<int> TakeNumber(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  int value = 0;
  const char* const end = text.data() + digits;
  for (const char* c = text.data(); c != end; ++c) {
    if (*c < '0' || *c > '9') return std::nullopt;
    value = value * 10 + (*c - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool TakeCharacter(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<std::int64_t> TakeDate(std::string_view& text) {
  const auto year = TakeNumber(text, 4);
  if (!year || !TakeCharacter(text, '-')) return std::nullopt;
  const auto month = TakeNumber(text, 2);
  if (!month || !TakeCharacter(text, '-')) return std::nullopt;
  const auto day = TakeNumber(text, 2);
  if (!day || *year < 1) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch().count();
}

struct Fraction {
  int milliseconds = 0;
  bool zero = true;  // all of it, also what is cut
};

std::optional<Fraction> TakeFraction(std::string_view& text) {
  Fraction fraction;
  if (!TakeCharacter(text, '.')) return fraction;
  std::size_t digits = 0;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    const int digit = text.front() - '0';
    if (digits < 3) fraction.milliseconds = fraction.milliseconds * 10 + digit;
    fraction.zero = fraction.zero && digit == 0;
    text.remove_prefix(1);
    ++digits;
  }
  if (digits == 0) return std::nullopt;
  for (std::size_t i = digits; i < 3; ++i) fraction.milliseconds *= 10;
  return fraction;
}

std::optional<int> TakeZoneMinutes(std::string_view& text) {
  if (TakeCharacter(text, 'Z')) return 0;
  const int sign = TakeCharacter(text, '+') ? 1 : TakeCharacter(text, '-') ? -1 : 0;
  if (sign == 0) return std::nullopt;
  const auto hours = TakeNumber(text, 2);
  if (!hours || !TakeCharacter(text, ':')) return std::nullopt;
  const auto minutes = TakeNumber(text, 2);
  if (!minutes || *minutes > 59) return std::nullopt;
  const int offset = *hours * 60 + *minutes;
  if (offset > kMaxZoneMinutes) return std::nullopt;
  return sign * offset;
}

// The zone can move an instant out of the years that Iso() can write.
bool InYears1To9999(std::int64_t seconds) {
  constexpr std::int64_t kFirst = -62135596800;  // 0001-01-01T00:00:00Z
  constexpr std::int64_t kLast = 253402300799;   // 9999-12-31T23:59:59Z
  return seconds >= kFirst && seconds <= kLast;
}

// What two digits say; above 99 when one of them is none.
unsigned TwoDigits(const char* text) {
  const auto tens = static_cast<unsigned>(static_cast<unsigned char>(text[0])) - '0';
  const auto ones = static_cast<unsigned>(static_cast<unsigned char>(text[1])) - '0';
  return tens > 9 || ones > 9 ? 100 : tens * 10 + ones;
}

// "2026-11-21T12:00:00Z", as nearly every instant of a file of ten million rows,
// each of which has three. Any other is left to be read, or refused, part by part.
std::optional<UtcTime> FromUsualForm(std::string_view text) {
  if (text.size() != std::string_view("YYYY-MM-DDThh:mm:ssZ").size()) return std::nullopt;
  const char* const at = text.data();
  const bool marks = at[4] == '-' && at[7] == '-' && at[10] == 'T' && at[13] == ':' &&
                     at[16] == ':' && at[19] == 'Z';
  const unsigned century = TwoDigits(at);
  const unsigned in_century = TwoDigits(at + 2);
  const unsigned month = TwoDigits(at + 5);
  const unsigned day = TwoDigits(at + 8);
  const unsigned hour = TwoDigits(at + 11);
  const unsigned minute = TwoDigits(at + 14);
  const unsigned second = TwoDigits(at + 17);
  const bool usual = marks && century < 100 && in_century < 100 && century + in_century > 0 &&
                     hour <= 23 && minute <= 59 && second <= 59;
  const std::chrono::year_month_day date{
      std::chrono::year(static_cast<int>(century * 100 + in_century)), std::chrono::month(month),
      std::chrono::day(day)};
  if (!usual || !date.ok()) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return UtcTime::FromSeconds(days * 86400 + std::int64_t{hour} * 3600 + minute * 60 + second);
}

}  // namespace

std::optional<UtcTime> UtcTime::FromIso(std::string_view text) {
  if (const auto usual = FromUsualForm(text)) return usual;
  const auto day = TakeDate(text);
  if (!day || !TakeCharacter(text, 'T')) return std::nullopt;
  const auto hour = TakeNumber(text, 2);
  if (!hour || *hour > 24 || !TakeCharacter(text, ':')) return std::nullopt;
  const auto minute = TakeNumber(text, 2);
  if (!minute || *minute > 59 || !TakeCharacter(text, ':')) return std::nullopt;
  const auto second = TakeNumber(text, 2);
  if (!second || *second > 59) return std::nullopt;
  const auto fraction = TakeFraction(text);
  if (!fraction) return std::nullopt;
  // XML Schema part 2, 3.2.7: 24:00:00 is the first instant of the next day.
  const bool whole_hour = *minute == 0 && *second == 0 && fraction->zero;
  if (*hour == 24 && !whole_hour) return std::nullopt;
  const auto zone = TakeZoneMinutes(text);
  if (!zone || !text.empty()) return std::nullopt;
  const std::int64_t seconds =
      *day * 86400 + *hour * 3600 + *minute * 60 + *second - std::int64_t{*zone} * 60;
  if (!InYears1To9999(seconds)) return std::nullopt;
  return UtcTime(seconds * 1000 + fraction->milliseconds);
}

std::optional<UtcTime> UtcTime::FromIsoDate(std::string_view text) {
  const auto day = TakeDate(text);
  if (!day || !text.empty()) return std::nullopt;
  return FromSeconds(*day * 86400);
}

std::string UtcTime::Iso() const {
  const std::int64_t whole = seconds();
  const auto millisecond = static_cast<int>(milliseconds_ - whole * 1000);
  const std::int64_t days = whole / 86400 - (whole % 86400 < 0 ? 1 : 0);
  const auto in_day = static_cast<int>(whole - days * 86400);
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(days))};
  std::array<char, 64> text;
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), in_day / 3600, in_day / 60 % 60, in_day % 60,
                millisecond);
  return text.data();
}

}  // namespace acb
