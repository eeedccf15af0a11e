#include "firmware/audit/entry.h"

#include <array>
#include <cstdio>

#include "firmware/audit/panel.h"
#include "firmware/base/utf8.h"

namespace acb::audit {
namespace {

// RFC 8785 section 3.2.2.2.
void WriteString(std::string_view text, std::string& out) {
  out.push_back('"');
  while (!text.empty()) {
    const std::size_t length = Utf8Length(text);
    if (length == 0) {
      out.append("\xEF\xBF\xBD");
      text.remove_prefix(1);
      continue;
    }
    const char c = text.front();
    switch (c) {
      case '"':
        out.append("\\\"");
        break;
      case '\\':
        out.append("\\\\");
        break;
      case '\b':
        out.append("\\b");
        break;
      case '\f':
        out.append("\\f");
        break;
      case '\n':
        out.append("\\n");
        break;
      case '\r':
        out.append("\\r");
        break;
      case '\t':
        out.append("\\t");
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          std::array<char, 8> escaped;
          std::snprintf(escaped.data(), escaped.size(), "\\u%04x", static_cast<unsigned>(c));
          out.append(escaped.data());
        } else {
          out.append(text, 0, length);
        }
    }
    text.remove_prefix(length);
  }
  out.push_back('"');
}

void Write(const Value& value, std::string& out);

void Write(const Object& object, std::string& out) {
  out.push_back('{');
  bool first = true;
  for (const auto& [name, member] : object) {
    if (!first) out.push_back(',');
    first = false;
    WriteString(name, out);
    out.push_back(':');
    Write(member, out);
  }
  out.push_back('}');
}

void Write(const List& list, std::string& out) {
  out.push_back('[');
  bool first = true;
  for (const Value& element : list) {
    if (!first) out.push_back(',');
    first = false;
    Write(element, out);
  }
  out.push_back(']');
}

void Write(const Value& value, std::string& out) {
  if (const auto* text = std::get_if<std::string>(&value.get())) return WriteString(*text, out);
  if (const auto* truth = std::get_if<bool>(&value.get())) {
    out.append(*truth ? "true" : "false");
    return;
  }
  if (const auto* list = std::get_if<List>(&value.get())) return Write(*list, out);
  Write(std::get<Object>(value.get()), out);
}

bool IsWithheld(const Object& fields) {
  const auto kind = fields.find("kind");
  const auto* text = kind == fields.end() ? nullptr : std::get_if<std::string>(&kind->second.get());
  return IsWithheldFromPanel(text ? *text : std::string(), fields.contains("operators"),
                             fields.contains("explanation"));
}

}  // namespace

std::string CanonicalJson(const Value& value) {
  std::string out;
  Write(value, out);
  return out;
}

Entry::Entry(std::string_view kind, UtcTime at) : at_(at) {
  Set("kind", kind);
  Set("time", at.Iso());
}

Entry& Entry::Set(std::string_view name, Value value) {
  fields_.insert_or_assign(std::string(name), std::move(value));
  return *this;
}

Entry& Entry::SetIfAny(std::string_view name, std::string_view text) {
  return text.empty() ? *this : Set(name, text);
}

Entry& Entry::Seal(std::string_view name, Value value) {
  sealed_.insert_or_assign(std::string(name), std::move(value));
  return *this;
}

Entry& Entry::SealIfAny(std::string_view name, std::string_view text) {
  return text.empty() ? *this : Seal(name, text);
}

SerialisedEntry Entry::Serialise(std::uint64_t index, const SaltSource& salts) const {
  Object fields = fields_;
  fields.insert_or_assign("index", Value(std::to_string(index)));
  Object sealed = sealed_;
  if (sealed.empty() && IsWithheld(fields)) sealed.emplace("blind", "");
  if (sealed.empty()) return {CanonicalJson(Value(std::move(fields))), {}};
  Object hashes;
  Object opened;
  for (const auto& [name, value] : sealed) {
    const Salt salt = salts();
    hashes.emplace(name, ToHex(SealHash(name, salt, value)));
    opened.emplace(name, Object{{"salt", ToHex(salt)}, {"value", value}});
  }
  fields.insert_or_assign("sealed", Value(std::move(hashes)));
  Object disclosure{{"index", std::to_string(index)}, {"sealed", std::move(opened)}};
  return {CanonicalJson(Value(std::move(fields))), CanonicalJson(Value(std::move(disclosure)))};
}

Sha256Digest SealHash(std::string_view name, const Salt& salt, const Value& value) {
  return Sha256(AsBytes(CanonicalJson(List{Value(name), Value(ToHex(salt)), value})));
}

Sha256Digest LeafHash(std::string_view entry) {
  constexpr std::array<std::uint8_t, 1> kLeafPrefix = {0x00};
  return Sha256({kLeafPrefix, AsBytes(entry)});
}

}  // namespace acb::audit
