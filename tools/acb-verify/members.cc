#include "tools/acb-verify/members.h"

#include <algorithm>
#include <boost/json.hpp>

#include "firmware/audit/merkle.h"
#include "firmware/base/request_id.h"

namespace acb::verify {
namespace {

// False for a number or null, anywhere in it. (An optional of a Value would read as uninitialised
// to GCC 12.)
bool Convert(const boost::json::value& value, audit::Value& into);

bool ConvertList(const boost::json::array& array, audit::List& list) {
  list.reserve(array.size());
  for (const boost::json::value& element : array) {
    if (!Convert(element, list.emplace_back(false))) return false;
  }
  return true;
}

bool ConvertObject(const boost::json::object& members, audit::Object& object) {
  for (const auto& member : members) {
    const auto [place, is_new] =
        object.emplace(std::string(member.key().data(), member.key().size()), false);
    if (!is_new || !Convert(member.value(), place->second)) return false;
  }
  return true;
}

// As deep as boost::json's parser lets a text be (32).
bool Convert(const boost::json::value& value, audit::Value& into) {
  if (value.is_string()) {
    into = audit::Value(std::string(value.get_string().data(), value.get_string().size()));
    return true;
  }
  if (value.is_bool()) {
    into = audit::Value(value.get_bool());
    return true;
  }
  if (value.is_array()) {
    audit::List list;
    const bool converted = ConvertList(value.get_array(), list);
    into = audit::Value(std::move(list));
    return converted;
  }
  if (!value.is_object()) return false;
  audit::Object object;
  const bool converted = ConvertObject(value.get_object(), object);
  into = audit::Value(std::move(object));
  return converted;
}

const audit::Value* Find(const audit::Object& object, std::string_view name) {
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &found->second;
}

}  // namespace

std::optional<audit::Object> ParseCanonical(std::string_view text) {
  boost::system::error_code error;
  const boost::json::value parsed = boost::json::parse({text.data(), text.size()}, error);
  if (error || !parsed.is_object()) return {};
  audit::Object object;
  if (!ConvertObject(parsed.get_object(), object)) return {};
  // One form only: what is written again must be what was read.
  if (audit::CanonicalJson(audit::Value(object)) != text) return {};
  return object;
}

std::string_view TextOf(const audit::Object& object, std::string_view name) {
  const audit::Value* value = Find(object, name);
  const auto* text = value == nullptr ? nullptr : std::get_if<std::string>(&value->get());
  return text == nullptr ? std::string_view() : std::string_view(*text);
}

std::optional<std::uint64_t> NumberOf(const audit::Object& object, std::string_view name) {
  return ParseDecimal(TextOf(object, name));
}

std::optional<Sha256Digest> DigestFrom(std::string_view hex) {
  const auto octets = FromHex(hex);
  if (!octets || ToHex(*octets) != hex) return {};
  return audit::ToDigest(*octets);
}

std::optional<Sha256Digest> DigestOf(const audit::Object& object, std::string_view name) {
  return DigestFrom(TextOf(object, name));
}

const audit::Object* ObjectOf(const audit::Object& object, std::string_view name) {
  const audit::Value* value = Find(object, name);
  return value == nullptr ? nullptr : std::get_if<audit::Object>(&value->get());
}

const audit::List* ListOf(const audit::Object& object, std::string_view name) {
  const audit::Value* value = Find(object, name);
  return value == nullptr ? nullptr : std::get_if<audit::List>(&value->get());
}

std::vector<std::string> TextsOf(const audit::Object& object, std::string_view name) {
  std::vector<std::string> texts;
  const audit::List* list = ListOf(object, name);
  if (list == nullptr) return texts;
  for (const audit::Value& element : *list) {
    const auto* text = std::get_if<std::string>(&element.get());
    if (text == nullptr) return {};
    texts.push_back(*text);
  }
  return texts;
}

bool IsTrue(const audit::Object& object, std::string_view name) {
  const audit::Value* value = Find(object, name);
  const bool* truth = value == nullptr ? nullptr : std::get_if<bool>(&value->get());
  return truth != nullptr && *truth;
}

}  // namespace acb::verify
