#include "firmware/duis/plain_form.h"

#include <algorithm>

#include "firmware/duis/reading.h"

namespace acb::duis {
namespace {

constexpr std::string_view kBlanks = " \t\n";
constexpr std::string_view kDeclaration = "<?xml ";
constexpr std::string_view kDeclarationEnd = "?>";
constexpr std::string_view kNamespaceDeclaration = "xmlns:";
constexpr std::string_view kSignature = "Signature";
constexpr std::string_view kSignedInfo = "SignedInfo";
// Of a 6.21; a deeper or longer document goes the long way.
constexpr std::size_t kMaxTags = 512;

struct Tag {
  enum class Kind { kStart, kEnd, kEmpty };
  Kind kind;
  std::string_view name;        // as written, with its prefix
  std::string_view attributes;  // what stands between the name and the end: empty, or " a="b""...
  std::size_t begin;            // of '<'
  std::size_t end;              // after '>'
};

std::string_view PrefixOf(std::string_view name) {
  const std::size_t colon = name.find(':');
  return colon == std::string_view::npos ? std::string_view() : name.substr(0, colon);
}
std::string_view LocalNameOf(std::string_view name) { return name.substr(name.find(':') + 1); }

// One attribute off the front of ` name="value" ...`, written as canonical XML writes it; an empty
// name when it is written in another way.
struct Attribute {
  std::string_view name;
  std::string_view value;
};
Attribute TakeAttribute(std::string_view& rest) {
  if (!rest.starts_with(' ')) return {};
  const std::size_t equals = rest.find('=');
  if (equals == std::string_view::npos || rest.substr(equals, 2) != "=\"") return {};
  const std::string_view name = rest.substr(1, equals - 1);
  const std::size_t close = rest.find('"', equals + 2);
  if (close == std::string_view::npos || name.find_first_of(" \t\n\"'") != std::string_view::npos) {
    return {};
  }
  const std::string_view value = rest.substr(equals + 2, close - equals - 2);
  // '<' cannot be there; '&', tab and line end are written otherwise, or were.
  if (value.find_first_of("&\t\n") != std::string_view::npos) return {};
  rest.remove_prefix(close + 1);
  return {name, value};
}

class Finder {
 public:
  explicit Finder(std::string_view document) : text_(document) {}

  std::optional<PlainForm> Run() {
    // One after the other: memchr is quick, a search for either is not.
    if (text_.find('&') != text_.npos || text_.find('\r') != text_.npos) return std::nullopt;
    if (!FindDocumentElement()) return std::nullopt;
    const auto root = NextTag();
    if (!root || root->kind != Tag::Kind::kStart || !IsPlainRoot(*root)) return std::nullopt;
    const auto signature = FindSignature();
    if (!signature) return std::nullopt;
    PlainForm form;
    form.before_signature = text_.substr(root->begin, signature->begin - root->begin);
    if (!ReadSignature(*signature, form.signed_info)) return std::nullopt;
    const std::size_t after = at_;
    const auto end = NextTag();
    if (!end || end->kind != Tag::Kind::kEnd || end->name != root->name ||
        text_.find_first_not_of(kBlanks, at_) != std::string_view::npos) {
      return std::nullopt;
    }
    form.after_signature = text_.substr(after, end->end - after);
    return form;
  }

 private:
  // Past the XML declaration and blanks, which canonical XML leaves out.
  bool FindDocumentElement() {
    if (text_.starts_with(kDeclaration)) {
      at_ = text_.find(kDeclarationEnd);
      if (at_ == std::string_view::npos) return false;
      at_ += kDeclarationEnd.size();
    }
    at_ = text_.find_first_not_of(kBlanks, at_);
    return at_ != std::string_view::npos && text_[at_] == '<';
  }

  // The next tag; the text before it is such that it is written as it is.
  std::optional<Tag> NextTag() {
    if (++tags_ > kMaxTags) return std::nullopt;
    const std::size_t begin = text_.find('<', at_);
    if (begin == std::string_view::npos) return std::nullopt;
    if (text_.substr(at_, begin - at_).find('>') != std::string_view::npos) return std::nullopt;
    const std::size_t close = text_.find('>', begin);
    if (close == std::string_view::npos) return std::nullopt;
    std::string_view inside = text_.substr(begin + 1, close - begin - 1);
    Tag tag{Tag::Kind::kStart, {}, {}, begin, close + 1};
    if (inside.starts_with('/')) {
      tag.kind = Tag::Kind::kEnd;
      inside.remove_prefix(1);
    } else if (inside.ends_with('/')) {
      tag.kind = Tag::Kind::kEmpty;
      inside.remove_suffix(1);
    }
    const std::size_t name = std::min(inside.find_first_of(kBlanks), inside.size());
    tag.name = inside.substr(0, name);
    tag.attributes = inside.substr(name);
    // Comments, CDATA sections, processing instructions; "</a >", "</a b".
    const bool element = !tag.name.empty() && tag.name.find_first_of("!?/\"'") == tag.name.npos;
    if (!element || (tag.kind == Tag::Kind::kEnd && !tag.attributes.empty())) return std::nullopt;
    // A quotation may hold '>': then this is not where the tag ends.
    if (std::ranges::count(tag.attributes, '"') % 2 != 0 ||
        tag.attributes.find('\'') != std::string_view::npos) {
      return std::nullopt;
    }
    at_ = tag.end;
    return tag;
  }

  static bool IsPlainRoot(const Tag& root) {
    std::string_view rest = root.attributes;
    std::string_view last_prefix;
    for (std::size_t count = 0; count < kMaxTags; ++count) {
      const Attribute attribute = TakeAttribute(rest);
      if (attribute.name == "schemaVersion") return rest.empty();
      if (!attribute.name.starts_with(kNamespaceDeclaration)) return false;
      const std::string_view prefix = attribute.name.substr(kNamespaceDeclaration.size());
      // In order of prefix, each once. The prefix xml need not be declared, and if so is not
      // written.
      if (prefix <= last_prefix || prefix == "xml") return false;
      last_prefix = prefix;
    }
    return false;
  }

  // The Signature below the document element; what comes before it is plain.
  std::optional<Tag> FindSignature() {
    std::size_t depth = 0;
    for (;;) {  // ends with the document, or with kMaxTags
      const auto tag = NextTag();
      if (!tag || tag->kind == Tag::Kind::kEmpty) return std::nullopt;
      if (tag->kind == Tag::Kind::kEnd) {
        if (depth == 0) return std::nullopt;
        --depth;
        continue;
      }
      if (depth == 0 && LocalNameOf(tag->name) == kSignature) return tag;
      if (!tag->attributes.empty()) return std::nullopt;
      ++depth;
    }
  }

  // From the Signature's first child to its end tag.
  bool ReadSignature(const Tag& signature, std::string& signed_info) {
    const auto first = NextTag();
    if (!first || first->kind != Tag::Kind::kStart || LocalNameOf(first->name) != kSignedInfo ||
        !first->attributes.empty() || !WriteSignedInfo(*first, signed_info)) {
      return false;
    }
    std::size_t depth = 1;  // inside Signature
    while (depth != 0) {
      const auto tag = NextTag();
      if (!tag) return false;
      if (tag->kind == Tag::Kind::kStart) ++depth;
      if (tag->kind == Tag::Kind::kEnd && --depth == 0 && tag->name != signature.name) return false;
    }
    return true;
  }

  // Exclusive canonical XML: the namespace of the one prefix is declared where it is used first,
  // and an empty element is written with both its tags.
  bool WriteSignedInfo(const Tag& start, std::string& out) {
    const std::string_view prefix = PrefixOf(start.name);
    if (prefix.empty()) return false;
    out.append("<").append(start.name).append(" xmlns:").append(prefix).append("=\"");
    out.append(kXmlSignature.uri).append("\">");
    std::size_t depth = 1;
    std::size_t from = start.end;  // not written yet
    while (depth != 0) {
      const auto tag = NextTag();
      if (!tag || PrefixOf(tag->name) != prefix || !HasAtMostOneAttribute(*tag)) return false;
      out.append(text_.substr(from, tag->begin - from));
      from = tag->end;
      switch (tag->kind) {
        case Tag::Kind::kStart:
          ++depth;
          out.append(text_.substr(tag->begin, tag->end - tag->begin));
          break;
        case Tag::Kind::kEnd:
          --depth;
          out.append(text_.substr(tag->begin, tag->end - tag->begin));
          break;
        case Tag::Kind::kEmpty:
          out.append("<").append(tag->name).append(tag->attributes).append("></");
          out.append(tag->name).append(">");
          break;
      }
    }
    return true;
  }

  static bool HasAtMostOneAttribute(const Tag& tag) {
    std::string_view rest = tag.attributes;
    if (rest.empty()) return true;
    const Attribute attribute = TakeAttribute(rest);
    // No attribute with a prefix, no declaration: they would be written in another place.
    return !attribute.name.empty() && rest.empty() && attribute.name != "xmlns" &&
           attribute.name.find(':') == std::string_view::npos;
  }

  const std::string_view text_;
  std::size_t at_ = 0;
  std::size_t tags_ = 0;
};

}  // namespace

std::optional<PlainForm> FindPlainForm(std::string_view document) { return Finder(document).Run(); }

}  // namespace acb::duis
