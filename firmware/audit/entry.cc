#include "firmware/audit/entry.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "firmware/audit/panel.h"
#include "firmware/base/utf8.h"

namespace acb::audit {
namespace {

// Written as it is: neither escaped nor part of a longer sequence.
bool IsPlain(char c) {
  return static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x80 &&
         c != '"' && c != '\\';
}

// One that is not plain: escaped, or the octets of its UTF-8 sequence. How many octets it took.
std::size_t WriteSpecial(std::string_view text, std::string& out) {
  const std::size_t length = Utf8Length(text);
  if (length == 0) {
    out.append("\xEF\xBF\xBD");
    return 1;
  }
  switch (text.front()) {
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
      if (static_cast<unsigned char>(text.front()) < 0x20) {
        std::array<char, 8> escaped;
        std::snprintf(escaped.data(), escaped.size(), "\\u%04x",
                      static_cast<unsigned>(text.front()));
        out.append(escaped.data());
      } else {
        out.append(text, 0, length);
      }
  }
  return length;
}

// RFC 8785 section 3.2.2.2.
void WriteString(std::string_view text, std::string& out) {
  out.push_back('"');
  while (!text.empty()) {
    const auto special = std::ranges::find_if_not(text, IsPlain);
    const auto plain = static_cast<std::size_t>(special - text.begin());
    out.append(text, 0, plain);
    text.remove_prefix(plain);
    if (!text.empty()) text.remove_prefix(WriteSpecial(text, out));
  }
  out.push_back('"');
}

void Write(const Value& value, std::string& out);

void WriteName(std::string_view name, std::string& out) {
  if (out.back() != '{') out.push_back(',');
  WriteString(name, out);
  out.push_back(':');
}

void Write(const Object& object, std::string& out) {
  out.push_back('{');
  for (const auto& [name, member] : object) {
    WriteName(name, out);
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

constexpr std::string_view kIndex = "index";

std::string KindOf(const Object& fields) {
  const auto kind = fields.find("kind");
  const auto* text = kind == fields.end() ? nullptr : std::get_if<std::string>(&kind->second.get());
  return text ? *text : std::string();
}

bool IsWithheld(const Object& fields) {
  return IsWithheldFromPanel(KindOf(fields), fields.contains("operators"),
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

// The members that are not the caller's stand among his in their order, and in place of his.
PreparedEntry Entry::Prepare(const SaltSource& salts, std::string_view environment) const {
  constexpr std::size_t kUsualOctets = 2048;
  PreparedEntry prepared;
  prepared.is_alarm_ = KindOf(fields_) == "alarm";
  Object hashes;
  Object opened;
  const Object blind = {{"blind", ""}};
  const bool withheld = sealed_.empty() && IsWithheld(fields_);
  for (const auto& [name, value] : withheld ? blind : sealed_) {
    const Salt salt = salts();
    hashes.emplace(name, ToHex(SealHash(name, salt, value)));
    opened.emplace(name, Object{{"salt", ToHex(salt)}, {"value", value}});
  }
  if (!opened.empty()) {
    prepared.disclosure_after_ = "\",\"sealed\":" + CanonicalJson(std::move(opened)) + "}";
  }

  Object ours;
  ours.emplace(kIndex, "");
  if (!environment.empty()) ours.emplace("environment", environment);
  if (!hashes.empty()) ours.emplace("sealed", std::move(hashes));
  std::string out = "{";
  out.reserve(kUsualOctets);
  auto theirs = fields_.begin();
  for (const auto& [name, value] : ours) {
    for (; theirs != fields_.end() && theirs->first < name; ++theirs) {
      WriteName(theirs->first, out);
      Write(theirs->second, out);
    }
    if (theirs != fields_.end() && theirs->first == name) ++theirs;
    WriteName(name, out);
    if (name == kIndex) {
      prepared.before_ = std::exchange(out, "\"") + "\"";
    } else {
      Write(value, out);
    }
  }
  for (; theirs != fields_.end(); ++theirs) {
    WriteName(theirs->first, out);
    Write(theirs->second, out);
  }
  prepared.after_ = std::move(out) + "}";
  return prepared;
}

SerialisedEntry PreparedEntry::At(std::uint64_t index) const {
  const std::string digits = std::to_string(index);
  SerialisedEntry written{before_ + digits + after_, {}};
  if (!disclosure_after_.empty()) {
    written.disclosure = "{\"index\":\"" + digits + disclosure_after_;
  }
  return written;
}

Sha256Digest SealHash(std::string_view name, const Salt& salt, const Value& value) {
  return Sha256(AsBytes(CanonicalJson(List{Value(name), Value(ToHex(salt)), value})));
}

Sha256Digest LeafHash(std::string_view entry) {
  constexpr std::array<std::uint8_t, 1> kLeafPrefix = {0x00};
  return Sha256({kLeafPrefix, AsBytes(entry)});
}

}  // namespace acb::audit
