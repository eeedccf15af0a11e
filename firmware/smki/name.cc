#include <algorithm>
#include <array>

#include "firmware/base/ascii.h"
#include "firmware/smki/certificate.h"
#include "firmware/smki/name_der.h"

namespace acb::smki {
namespace {

constexpr std::size_t kMaxTextOctets = 1024;
constexpr std::size_t kMaxAttributes = 32;

struct Keyword {
  std::string_view word;
  std::string_view oid;
};
// RFC 4514 section 3.
constexpr std::array<Keyword, 9> kKeywords = {{{"CN", "2.5.4.3"},
                                               {"L", "2.5.4.7"},
                                               {"ST", "2.5.4.8"},
                                               {"O", "2.5.4.10"},
                                               {"OU", "2.5.4.11"},
                                               {"C", "2.5.4.6"},
                                               {"STREET", "2.5.4.9"},
                                               {"DC", "0.9.2342.19200300.100.1.25"},
                                               {"UID", "0.9.2342.19200300.100.1.1"}}};

std::string_view Trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// Blanks folded (RFC 4518 section 2.6.1), then the escapes of RFC 4514 section 2.4. A control
// character becomes \hh, so that a name cannot break a line of the log.
std::string FoldAndEscape(std::string_view text) {
  std::string escaped;
  bool after_blank = false;
  for (const char c : Trim(text)) {
    const bool blank = c == ' ';
    if (blank && after_blank) continue;
    after_blank = blank;
    if (IsControl(c)) {
      escaped += "\\" + ToHex(AsBytes({&c, 1}));
      continue;
    }
    const bool special = std::string_view("\"+,;<>\\").find(c) != std::string_view::npos;
    if (special || (c == '#' && escaped.empty())) escaped += '\\';
    escaped += c;
  }
  return escaped;
}

// The octets of an escaped value up to, not including, the comma that ends the RDN; `text` moves
// on.
std::optional<std::string> TakeValue(std::string_view& text) {
  constexpr std::string_view kForbidden = "\"+;<>";
  std::string value;
  while (!text.empty() && text.front() != ',') {
    const char c = text.front();
    text.remove_prefix(1);
    if (kForbidden.find(c) != std::string_view::npos || IsControl(c)) return std::nullopt;
    if (c != '\\') {
      value += c;
      continue;
    }
    if (const auto octet = FromHex(text.substr(0, 2)); octet && octet->size() == 1) {
      value += static_cast<char>((*octet)[0]);
      text.remove_prefix(2);
    } else if (!text.empty() &&
               std::string_view(" \"#+,;<=>\\").find(text.front()) != std::string_view::npos) {
      value += text.front();
      text.remove_prefix(1);
    } else {
      return std::nullopt;
    }
  }
  return value;
}

std::optional<std::string> TypeFromText(std::string_view text) {
  text = Trim(text);
  for (const Keyword& keyword : kKeywords) {
    if (SameIgnoringCase(keyword.word, text)) return std::string(keyword.oid);
  }
  // numericoid of RFC 4512 section 1.4: numbers without leading zero, at least two.
  bool at_start = true;
  int dots = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (!digit && (text[i] != '.' || at_start)) return std::nullopt;
    const bool zero_before_digit =
        at_start && text[i] == '0' && i + 1 < text.size() && text[i + 1] != '.';
    if (zero_before_digit) return std::nullopt;
    at_start = !digit;
    if (!digit) ++dots;
  }
  if (text.empty() || at_start || dots == 0) return std::nullopt;
  return std::string(text);
}

// RFC 4514 section 2.4: any value may be written as its DER. One that is a text is the text, as in
// a name that was read from a certificate.
std::optional<std::string> ValueFromHex(const Bytes& octets) {
  der::Reader reader(octets);
  const der::Element value = reader.Take();
  if (!reader.Finished() || !der::IsText(value)) return "#" + ToHex(octets);
  std::string text = FoldAndEscape(AsText(value.content));
  if (text.empty()) return std::nullopt;
  return text;
}

std::optional<std::string> ValueFromText(std::string_view& text) {
  const bool is_hex = Trim(text).starts_with('#');
  auto raw = TakeValue(text);
  if (!raw) return std::nullopt;
  if (is_hex) {
    const auto octets = FromHex(Trim(*raw).substr(1));
    if (!octets || octets->empty()) return std::nullopt;
    return ValueFromHex(*octets);
  }
  if (!der::IsUtf8(AsBytes(*raw))) return std::nullopt;
  std::string value = FoldAndEscape(*raw);
  if (value.empty()) return std::nullopt;
  return value;
}

std::string TypeText(std::string_view type) {
  for (const Keyword& keyword : kKeywords) {
    if (keyword.oid == type) return std::string(keyword.word);
  }
  return std::string(type);
}

std::string ValueFromDer(const der::Element& value) {
  if (!der::IsText(value)) return "#" + ToHex(value.whole);
  return FoldAndEscape(AsText(value.content));
}

// Hands each attribute to `take`: type, value, and whether it is the first of its RDN.
template <class Take>
bool ReadName(BytesView der, const Take& take) {
  der::Reader outer(der);
  der::Reader rdns(outer.Take(der::kSequence));
  std::size_t attributes = 0;
  while (rdns.ok() && !rdns.AtEnd()) {
    der::Reader rdn(rdns.Take(der::kSet));
    bool first = true;
    do {
      der::Reader pair(rdn.Take(der::kSequence));
      const der::Element type = pair.Take(der::kOid);
      const der::Element value = pair.Take();
      if (!rdn.ok() || !pair.Finished() || attributes == kMaxAttributes) return false;
      ++attributes;
      take(type, value, first);
      first = false;
    } while (!rdn.AtEnd());
  }
  return outer.Finished() && rdns.Finished();
}

}  // namespace

std::optional<Name> ParseName(BytesView der) {
  Name name;
  const bool read =
      ReadName(der, [&](const der::Element& type, const der::Element& value, bool first) {
        name.attributes.push_back(
            {(first ? "" : "+") + der::OidText(type.content), ValueFromDer(value)});
      });
  return read ? std::optional(std::move(name)) : std::nullopt;
}

bool IsName(BytesView der) {
  return ReadName(der, [](const der::Element&, const der::Element&, bool) {});
}

bool operator==(const Name::Attribute& a, const Name::Attribute& b) {
  return a.type == b.type && SameIgnoringCase(a.value, b.value);
}

std::string Name::Text() const {
  std::string text;
  for (auto it = attributes.rbegin(); it != attributes.rend(); ++it) {
    const bool joined = it->type.starts_with('+');
    const std::string_view type = std::string_view(it->type).substr(joined ? 1 : 0);
    text += TypeText(type) + "=" + it->value;
    if (std::next(it) != attributes.rend()) text += joined ? "+" : ",";
  }
  return text;
}

std::string Name::Key() const {
  // A value holds no control character (FoldAndEscape), so the separators are unambiguous.
  std::string key;
  for (const Attribute& attribute : attributes) {
    key += attribute.type + "\x01" + LowerCase(attribute.value) + "\x02";
  }
  return key;
}

std::optional<Name> Name::FromText(std::string_view text) {
  if (text.empty() || text.size() > kMaxTextOctets) return std::nullopt;
  Name name;
  bool more = true;
  while (more) {
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos || name.attributes.size() == kMaxAttributes) {
      return std::nullopt;
    }
    auto type = TypeFromText(text.substr(0, equals));
    text.remove_prefix(equals + 1);
    auto value = ValueFromText(text);
    if (!type || !value) return std::nullopt;
    name.attributes.push_back({*std::move(type), *std::move(value)});
    more = !text.empty();
    if (more) text.remove_prefix(1);  // the comma
  }
  std::ranges::reverse(name.attributes);
  return name;
}

}  // namespace acb::smki
