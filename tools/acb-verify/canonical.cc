#include "tools/acb-verify/canonical.h"

#include <array>
#include <cstdint>
#include <string>
#include <utility>

#include "firmware/base/utf8.h"

namespace acb::verify {
namespace {

using Members = audit::Object::sequence_type;

// Stand for themselves in a string, one by one.
constexpr std::array<bool, 256> kPlain = [] {
  std::array<bool, 256> plain{};
  for (std::size_t c = 0x20; c < 0x80; ++c) plain[c] = c != '"' && c != '\\';
  return plain;
}();

std::size_t PlainLength(std::string_view text) {
  std::size_t length = 0;
  while (length < text.size() && kPlain[static_cast<std::uint8_t>(text[length])]) ++length;
  return length;
}

// Each of the grammar's elements has one way to be written, so what was read would be written so
// again. Of what does not read on, nothing is used.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool ended() const { return rest_.empty(); }

  // Members in strictly rising order of their names' octets.
  bool Read(audit::Object& object, int level) {
    constexpr std::size_t kUsualMembers = 16;
    if (level > kMaxLevels || !Take("{")) return false;
    if (Take("}")) return true;
    Members members;
    members.reserve(kUsualMembers);
    do {
      std::string name;
      if (!Read(name) || !Take(":")) return false;
      if (!members.empty() && name <= members.back().first) return false;
      members.emplace_back(std::move(name), false);
      if (!Read(members.back().second, level)) return false;
    } while (Take(","));
    object.adopt_sequence(boost::container::ordered_unique_range, std::move(members));
    return Take("}");
  }

 private:
  bool Take(std::string_view token) {
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }

  // No number and no null: a log has none (audit::Value).
  bool Read(audit::Value& value, int level) {
    if (rest_.starts_with('"')) {
      std::string text;
      if (!Read(text)) return false;
      value = audit::Value(std::move(text));
      return true;
    }
    if (rest_.starts_with('{')) {
      audit::Object object;
      if (!Read(object, level + 1)) return false;
      value = audit::Value(std::move(object));
      return true;
    }
    if (rest_.starts_with('[')) {
      audit::List list;
      if (!Read(list, level + 1)) return false;
      value = audit::Value(std::move(list));
      return true;
    }
    const bool truth = Take("true");
    if (!truth && !Take("false")) return false;
    value = audit::Value(truth);
    return true;
  }

  bool Read(audit::List& list, int level) {
    if (level > kMaxLevels || !Take("[")) return false;
    if (Take("]")) return true;
    do {
      if (!Read(list.emplace_back(false), level)) return false;
    } while (Take(","));
    return Take("]");
  }

  bool Read(std::string& text) {
    if (!Take("\"")) return false;
    while (true) {  // ends with the string, or what remains of the text
      const std::size_t plain = PlainLength(rest_);
      text.append(rest_.substr(0, plain));
      rest_.remove_prefix(plain);
      if (Take("\"")) return true;
      if (!(Take("\\") ? ReadEscaped(text) : ReadSequence(text))) return false;
    }
  }

  // RFC 8785 section 3.2.2.2: a short escape where there is one, \u00xx in lower case for the other
  // control characters, and for nothing else.
  bool ReadEscaped(std::string& text) {
    constexpr std::string_view kShort = "\"\\bfnrt";
    constexpr std::string_view kMeant = "\"\\\b\f\n\r\t";
    if (rest_.empty()) return false;
    if (const std::size_t at = kShort.find(rest_.front()); at != std::string_view::npos) {
      text.push_back(kMeant[at]);
      rest_.remove_prefix(1);
      return true;
    }
    constexpr std::string_view kDigits = "0123456789abcdef";
    constexpr std::size_t kHexDigits = 2;
    if (!Take("u00") || rest_.size() < kHexDigits) return false;
    const std::size_t high = kDigits.find(rest_[0]);
    const std::size_t low = kDigits.find(rest_[1]);
    if (high > 1 || low == std::string_view::npos) return false;
    const auto c = static_cast<char>(high * kDigits.size() + low);
    if (kMeant.find(c) != std::string_view::npos) return false;
    text.push_back(c);
    rest_.remove_prefix(kHexDigits);
    return true;
  }

  // Of UTF-8, beyond ASCII.
  bool ReadSequence(std::string& text) {
    if (rest_.empty() || static_cast<std::uint8_t>(rest_.front()) < 0x80) return false;
    const std::size_t length = Utf8Length(rest_);
    text.append(rest_.substr(0, length));
    rest_.remove_prefix(length);
    return length > 0;
  }

  std::string_view rest_;
};

}  // namespace

std::optional<audit::Object> ParseCanonical(std::string_view text) {
  Reader reader(text);
  std::optional<audit::Object> object(std::in_place);
  if (!reader.Read(*object, 1) || !reader.ended()) return std::nullopt;
  return object;
}

}  // namespace acb::verify
