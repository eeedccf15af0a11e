#include "firmware/reports/log_entry.h"

#include "firmware/base/bytes.h"
#include "firmware/base/request_id.h"

namespace acb::reports {
namespace {

// The text that begins at `from` and goes on to its quotation mark.
std::string_view TextAt(std::string_view octets, std::size_t from) {
  const std::size_t end = octets.find('"', from);
  return end == std::string_view::npos ? std::string_view() : octets.substr(from, end - from);
}

std::string_view TextBehind(std::string_view octets, std::string_view name, std::size_t found) {
  return found == std::string_view::npos ? std::string_view() : TextAt(octets, found + name.size());
}

std::string_view TextOf(const boost::json::value* value) {
  if (value == nullptr || !value->is_string()) return {};
  return value->get_string();
}

}  // namespace

std::optional<EntryHead> ReadHead(std::string_view octets) {
  constexpr std::string_view kTime = R"("time":")", kKind = R"("kind":")", kRules = R"("rules":")";
  // From the end: little stands behind `time`.
  const auto time = UtcTime::FromIso(TextBehind(octets, kTime, octets.rfind(kTime)));
  const std::string_view kind = TextBehind(octets, kKind, octets.find(kKind));
  if (!time || kind.empty()) return {};
  return EntryHead{*time, kind, TextBehind(octets, kRules, octets.rfind(kRules))};
}

std::optional<LogEntry> LogEntry::Parse(std::uint64_t index, const EntryHead& head,
                                        std::string_view octets, boost::json::storage_ptr storage) {
  boost::json::error_code error;
  boost::json::value json = boost::json::parse(octets, error, std::move(storage));
  if (error || !json.is_object()) return {};
  return LogEntry(index, head, std::move(json));
}

const boost::json::value* LogEntry::Find(std::string_view name) const {
  return json_.get_object().if_contains(name);
}

std::string_view LogEntry::Text(std::string_view name) const { return TextOf(Find(name)); }

std::string_view LogEntry::Text(std::string_view name, std::string_view inner) const {
  const boost::json::value* value = Find(name);
  if (value == nullptr || !value->is_object()) return {};
  return TextOf(value->get_object().if_contains(inner));
}

bool LogEntry::IsTrue(std::string_view name) const {
  const boost::json::value* value = Find(name);
  return value != nullptr && value->is_bool() && value->get_bool();
}

bool LogEntry::IsFalse(std::string_view name) const {
  const boost::json::value* value = Find(name);
  return value != nullptr && value->is_bool() && !value->get_bool();
}

std::optional<std::uint64_t> LogEntry::Number(std::string_view name) const {
  return ParseDecimal(Text(name));
}

std::vector<std::string> LogEntry::Texts(std::string_view name) const {
  std::vector<std::string> texts;
  const boost::json::value* value = Find(name);
  if (value == nullptr || !value->is_array()) return texts;
  for (const boost::json::value& each : value->get_array()) {
    if (each.is_string()) texts.emplace_back(each.get_string());
  }
  return texts;
}

std::string Plainly(const boost::json::value& value) {
  if (value.is_string()) return std::string(value.get_string());
  std::string text;
  const auto add = [&text](std::string_view separator, const std::string& part) {
    if (!text.empty()) text += separator;
    text += part;
  };
  if (value.is_array()) {
    for (const boost::json::value& each : value.get_array()) add(", ", Plainly(each));
    return text;
  }
  if (value.is_object()) {
    for (const auto& [name, member] : value.get_object()) {
      add(" ", std::string(name) + " " + Plainly(member));
    }
    return text;
  }
  return boost::json::serialize(value);
}

}  // namespace acb::reports
