#include "platform/json_body.h"

#include <algorithm>
#include <boost/json.hpp>
#include <boost/json/basic_parser_impl.hpp>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "firmware/base/request_id.h"
#include "firmware/base/utf8.h"

namespace acb::platform {
namespace {

// Boost.JSON lets the last of two members of one name win, where a reader before us may have taken
// the first (ecosystem.md section 9): such a text means two things. This sees each key.
class KeyWatcher {
 public:
  static constexpr std::size_t max_object_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_array_size = max_object_size;
  static constexpr std::size_t max_key_size = max_object_size;
  static constexpr std::size_t max_string_size = max_object_size;
  using Error = boost::json::error_code;
  using Text = boost::json::string_view;

  bool found() const { return found_; }

  bool on_object_begin(Error&) {
    seen_.emplace_back();
    return true;
  }
  bool on_object_end(std::size_t, Error&) {
    seen_.pop_back();
    return true;
  }
  bool on_key_part(Text text, std::size_t, Error&) {
    key_.append(text.data(), text.size());
    return true;
  }
  bool on_key(Text text, std::size_t, Error&) {
    key_.append(text.data(), text.size());
    found_ = !seen_.back().insert(key_).second || found_;
    key_.clear();
    return true;
  }
  // What else there is in a text is the parser's business.
  bool on_document_begin(Error&) { return true; }
  bool on_document_end(Error&) { return true; }
  bool on_array_begin(Error&) { return true; }
  bool on_array_end(std::size_t, Error&) { return true; }
  bool on_string_part(Text, std::size_t, Error&) { return true; }
  bool on_string(Text, std::size_t, Error&) { return true; }
  bool on_number_part(Text, Error&) { return true; }
  bool on_int64(std::int64_t, Text, Error&) { return true; }
  bool on_uint64(std::uint64_t, Text, Error&) { return true; }
  bool on_double(double, Text, Error&) { return true; }
  bool on_bool(bool, Error&) { return true; }
  bool on_null(Error&) { return true; }
  bool on_comment_part(Text, Error&) { return true; }
  bool on_comment(Text, Error&) { return true; }

 private:
  std::vector<std::set<std::string>> seen_;  // of each object that is open
  std::string key_;
  bool found_ = false;
};

// Of a text that is JSON.
bool NamesAMemberTwice(std::string_view text) {
  boost::json::basic_parser<KeyWatcher> parser{boost::json::parse_options()};
  boost::json::error_code error;
  parser.write_some(false, text.data(), text.size(), error);
  return error || parser.handler().found();
}

Result<boost::json::object> ReadAnyObject(const HttpRequest& request) {
  boost::json::error_code error;
  boost::json::value value = boost::json::parse(request.body.Text(), error);
  if (error || !value.is_object()) {
    return Failure(Reason::kMalformed, "the body must be a JSON object");
  }
  if (NamesAMemberTwice(request.body.Text())) {
    return Failure(Reason::kMalformed, "the body names a member twice");
  }
  return std::move(value.get_object());
}

}  // namespace

Status CheckNoQuery(const HttpRequest& request) {
  if (request.query_parameters.empty()) return Done{};
  return Failure(Reason::kMalformed, "'" + request.query_parameters.begin()->first +
                                         "' is not known here: there is no query");
}

Result<boost::json::object> ReadObject(const HttpRequest& request,
                                       std::initializer_list<std::string_view> known) {
  if (Status none = CheckNoQuery(request); !none) return std::move(none).error();
  auto object = ReadAnyObject(request);
  if (!object) return object;
  for (const auto& member : *object) {
    if (std::ranges::find(known, std::string_view(member.key())) == known.end()) {
      return Failure(Reason::kMalformed, "'" + std::string(member.key()) + "' is not known here");
    }
  }
  return object;
}

bool IsGoodText(const boost::json::value& value) {
  return value.is_string() && !value.get_string().empty() &&
         value.get_string().size() <= kMaxTextMember && !HasControl(value.get_string());
}

Result<std::string> TextMember(const boost::json::object& object, std::string_view name) {
  const boost::json::value* value = object.if_contains(name);
  if (value == nullptr || !IsGoodText(*value)) {
    return Failure(Reason::kMalformed, "'" + std::string(name) + "' must be a text of 1 to " +
                                           std::to_string(kMaxTextMember) +
                                           " octets without control characters");
  }
  return std::string(value->get_string());
}

Result<std::uint64_t> NumberMember(const boost::json::object& object, std::string_view name) {
  const boost::json::value* value = object.if_contains(name);
  const auto number = value != nullptr && value->is_string()
                          ? ParseDecimal(std::string_view(value->get_string()))
                          : std::nullopt;
  if (number) return *number;
  return Failure(Reason::kMalformed,
                 "'" + std::string(name) + "' must be a decimal number of 64 bits, as a string");
}

}  // namespace acb::platform
