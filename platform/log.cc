#include "platform/log.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <mutex>

namespace acb::platform {
namespace {

// Above this a JSON reader may round: written as text.
constexpr std::uint64_t kMaxJsonInteger = std::uint64_t{1} << 53;
constexpr std::string_view kCut = "...(cut)";

std::string_view LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kError:
      return "error";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kNotice:
      return "notice";
    case LogLevel::kInfo:
      return "info";
  }
  return {};
}

// Octets of the well-formed UTF-8 character that begins `text` (Unicode table 3-7: no overlongs, no
// surrogates), 0 when there is none.
std::size_t Utf8Length(std::string_view text) {
  const auto octet = [&](std::size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
  };
  const auto continues = [&](std::size_t i) { return (octet(i) & 0xC0U) == 0x80U; };
  const unsigned first = octet(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return continues(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if (first == 0xE0 && octet(1) < 0xA0) return 0;
    if (first == 0xED && octet(1) > 0x9F) return 0;
    return continues(1) && continues(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (first == 0xF0 && octet(1) < 0x90) return 0;
    if (first == 0xF4 && octet(1) > 0x8F) return 0;
    return continues(1) && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

constexpr std::size_t kDescriptors = 1024;

// How far a descriptor that takes lines has fallen behind. One for each, whichever Log writes.
struct Reader {
  std::uint64_t lost = 0;  // lines, since the last one that got through
  bool in_a_line = false;  // the end of one was lost
};

// Waits for room. A reader that was there a moment ago is given a moment, one that was not none: a
// thread must not wait for it with each of its lines.
bool HasRoom(int descriptor, const Reader& reader) {
  constexpr int kPatience = 100;  // ms
  pollfd room{descriptor, POLLOUT, 0};
  return ::poll(&room, 1, reader.lost == 0 ? kPatience : 0) == 1 && (room.revents & POLLOUT) != 0;
}

// False when nobody takes all of it.
bool WriteAll(int descriptor, std::string_view text, Reader& reader) {
  // What a pipe takes at once whenever it has room (PIPE_BUF): the write does not wait.
  constexpr std::size_t kPiece = 4096;
  while (!text.empty()) {
    if (!HasRoom(descriptor, reader)) return false;
    const ssize_t written = ::write(descriptor, text.data(), std::min(text.size(), kPiece));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
    reader.in_a_line = true;
  }
  reader.in_a_line = false;
  return true;
}

void AppendEscape(std::string& line, unsigned code) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  line += "\\u00";
  line += kDigits[code >> 4U];
  line += kDigits[code & 0xFU];
}

// C1 controls (U+0080-U+009F) move a terminal's cursor as C0 controls do.
bool IsC1(std::string_view character) {
  return character.size() == 2 && character[0] == '\xC2' &&
         static_cast<unsigned char>(character[1]) < 0xA0;
}

void AppendText(std::string& line, std::string_view text) {
  line += '"';
  const std::size_t end = std::min(text.size(), kMaxLogValueOctets);
  std::size_t i = 0;
  while (i < end) {
    const std::size_t length = Utf8Length(text.substr(i));
    const std::string_view character = text.substr(i, length);
    const auto octet = static_cast<unsigned char>(text[i]);
    if (length == 0) {
      line += "\\ufffd";
    } else if (octet == '"' || octet == '\\') {
      (line += '\\') += text[i];
    } else if (octet < 0x20 || octet == 0x7f) {
      AppendEscape(line, octet);
    } else if (IsC1(character)) {
      AppendEscape(line, static_cast<unsigned char>(character[1]));
    } else {
      line += character;
    }
    i += length == 0 ? 1 : length;
  }
  if (end < text.size()) line += kCut;
  line += '"';
}

void AppendValue(std::string& line, const LogField& field) {
  if (const auto* text = std::get_if<std::string_view>(&field.value))
    return AppendText(line, *text);
  if (const auto* yes = std::get_if<bool>(&field.value)) {
    line += *yes ? "true" : "false";
    return;
  }
  const auto* natural = std::get_if<std::uint64_t>(&field.value);
  const auto* whole = std::get_if<std::int64_t>(&field.value);
  const std::string digits = natural ? std::to_string(*natural) : std::to_string(*whole);
  const std::uint64_t magnitude = natural ? *natural
                                          : (*whole < 0 ? 0 - static_cast<std::uint64_t>(*whole)
                                                        : static_cast<std::uint64_t>(*whole));
  if (magnitude > kMaxJsonInteger) return AppendText(line, digits);
  line += digits;
}

}  // namespace

std::string FormatLogLine(UtcTime time, LogLevel level, std::string_view event,
                          std::initializer_list<LogField> fields) {
  std::string line = "{\"time\":\"" + time.Iso() + "\",\"level\":\"";
  line += LevelName(level);
  line += "\",\"event\":";
  AppendText(line, event);
  std::size_t count = 0;
  for (const LogField& field : fields) {
    if (++count > kMaxLogFields) break;
    line += ',';
    AppendText(line, field.name);
    line += ':';
    AppendValue(line, field);
  }
  line += '}';
  return line;
}

Log::Log(const Clock& clock, int descriptor, bool journal)
    : clock_(&clock), descriptor_(descriptor), journal_(journal) {}

Log Log::ToStderr(const Clock& clock) {
  return Log(clock, STDERR_FILENO, std::getenv("JOURNAL_STREAM") != nullptr);
}

void Log::Write(LogLevel level, std::string_view event,
                std::initializer_list<LogField> fields) const {
  static std::mutex mutex;
  // Nothing to destroy: a thread that hangs in the HSM's module may log while the process ends.
  static std::array<Reader, kDescriptors> readers;
  const auto framed = [this](LogLevel of, std::string_view what,
                             std::initializer_list<LogField> with) {
    const std::string number = journal_ ? "<" + std::to_string(static_cast<int>(of)) + ">" : "";
    return number + FormatLogLine(clock_->Now(), of, what, with) + '\n';
  };
  const std::string line = framed(level, event, fields);
  const std::scoped_lock lock(mutex);
  Reader& reader = readers[static_cast<std::size_t>(descriptor_) % readers.size()];
  std::string before = reader.in_a_line ? "\n" : "";
  if (reader.lost != 0) {
    before += framed(LogLevel::kWarning, "log-lines-lost", {{"lines", reader.lost}});
  }
  if (WriteAll(descriptor_, before, reader)) {
    reader.lost = 0;
    if (WriteAll(descriptor_, line, reader)) return;
  }
  ++reader.lost;
}

void Log::Failed(LogLevel level, std::string_view event, const Failure& failure) const {
  Write(level, event,
        {{"reason", Describe(failure.reason).name},
         {"explanation", failure.explanation},
         {"detail", failure.detail}});
}

}  // namespace acb::platform
