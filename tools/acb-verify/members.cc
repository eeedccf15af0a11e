#include "tools/acb-verify/members.h"

#include "firmware/audit/merkle.h"
#include "firmware/base/request_id.h"

namespace acb::verify {
namespace {

const audit::Value* Find(const audit::Object& object, std::string_view name) {
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &found->second;
}

}  // namespace

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
