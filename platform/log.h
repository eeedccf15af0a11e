// The operator's log: one JSON object a line, to stderr. Not the audit log.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

#include "firmware/base/result.h"
#include "firmware/base/time.h"

namespace acb::platform {

// Numbers of sd-daemon(3).
enum class LogLevel : std::uint8_t { kError = 3, kWarning = 4, kNotice = 5, kInfo = 6 };

// Valid during the call it is given to.
struct LogField {
  std::string_view name;
  std::variant<std::string_view, std::uint64_t, std::int64_t, bool> value;

  LogField(std::string_view field, std::string_view text) : name(field), value(text) {}
  LogField(std::string_view field, const char* text) : LogField(field, std::string_view(text)) {}
  LogField(std::string_view field, bool yes) : name(field), value(yes) {}
  template <std::unsigned_integral T>
  requires(!std::same_as<T, bool>) LogField(std::string_view field, T number)
      : name(field), value(std::uint64_t{number}) {}
  template <std::signed_integral T>
  LogField(std::string_view field, T number) : name(field), value(std::int64_t{number}) {}
};

inline constexpr std::size_t kMaxLogValueOctets = 2048;  // longer values are cut, and say so
inline constexpr std::size_t kMaxLogFields = 32;         // further ones are left out

// Thread-safe. Quotes, control characters and octets that are not UTF-8 are escaped: a line is one
// line of valid JSON. Logging never stops the work: a reader that hangs is waited for 100 ms once,
// then lines are lost until it reads again; `log-lines-lost`, which counts them, comes first.
class Log {
 public:
  // `clock` must outlive the log. With `journal`, lines begin with "<6>" as sd-daemon(3) wants.
  Log(const Clock& clock, int descriptor, bool journal);
  // stderr; `journal` when systemd connected it to its journal (JOURNAL_STREAM is set).
  static Log ToStderr(const Clock& clock);

  void Write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) const;
  void Info(std::string_view event, std::initializer_list<LogField> fields = {}) const {
    Write(LogLevel::kInfo, event, fields);
  }
  void Notice(std::string_view event, std::initializer_list<LogField> fields = {}) const {
    Write(LogLevel::kNotice, event, fields);
  }
  void Warning(std::string_view event, std::initializer_list<LogField> fields = {}) const {
    Write(LogLevel::kWarning, event, fields);
  }
  void Error(std::string_view event, std::initializer_list<LogField> fields = {}) const {
    Write(LogLevel::kError, event, fields);
  }
  // A failure's reason, explanation and operator's detail.
  void Failed(LogLevel level, std::string_view event, const Failure& failure) const;

 private:
  const Clock* clock_;
  int descriptor_;
  bool journal_;
};

// The line without its newline, for tests: {"time":...,"level":...,"event":..., fields}.
std::string FormatLogLine(UtcTime time, LogLevel level, std::string_view event,
                          std::initializer_list<LogField> fields);

}  // namespace acb::platform
