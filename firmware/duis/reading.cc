#include "firmware/duis/reading.h"

#include <algorithm>

namespace acb::duis {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::size_t kPrintableLimit = 80;
constexpr std::string_view kXmlSchemaInstance = "http://www.w3.org/2001/XMLSchema-instance";

std::string_view View(const xmlChar* text) {
  return text == nullptr ? std::string_view() : reinterpret_cast<const char*>(text);
}

bool Blank(std::string_view text) {
  return text.find_first_not_of(kBlanks) == std::string_view::npos;
}

std::string NameOf(const xmlNode& element) {
  const std::string_view prefix =
      element.ns == nullptr ? std::string_view() : View(element.ns->prefix);
  return Printable(std::string(prefix) + (prefix.empty() ? "" : ":") +
                   std::string(View(element.name)));
}

// Where a schema may be found: XML Schema lets it be said, nothing here follows it, and it changes
// nothing that is read. Only of the document element: elsewhere nobody writes it.
bool IsSchemaHint(const xmlNode& element, const xmlAttr& attribute) {
  if (element.parent == nullptr || element.parent->type != XML_DOCUMENT_NODE ||
      attribute.ns == nullptr || View(attribute.ns->href) != kXmlSchemaInstance) {
    return false;
  }
  const std::string_view name = View(attribute.name);
  return name == "schemaLocation" || name == "noNamespaceSchemaLocation";
}

// Nothing when there is more than text, as an unexpanded entity.
std::optional<std::string> PlainText(const xmlNode* first) {
  std::string text;
  for (const xmlNode* part = first; part != nullptr; part = part->next) {
    if (part->type != XML_TEXT_NODE) return std::nullopt;
    text += View(part->content);
  }
  return text;
}

}  // namespace

std::string Printable(std::string_view text) {
  std::string out(text.substr(0, kPrintableLimit));
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c < 0x20 || c > 0x7E; }, '?');
  if (text.size() > kPrintableLimit) out += "...";
  return out;
}

std::string Collapse(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (kBlanks.find(c) == std::string_view::npos) {
      out.push_back(c);
    } else if (!out.empty() && out.back() != ' ') {
      out.push_back(' ');
    }
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

bool Is(const xmlNode& element, const Vocabulary& vocabulary, std::string_view name) {
  return element.type == XML_ELEMENT_NODE && element.ns != nullptr &&
         View(element.ns->href) == vocabulary.uri && View(element.name) == name;
}

Sequence::Sequence(Reading& reading, const Vocabulary& vocabulary, const xmlNode* parent,
                   std::initializer_list<std::string_view> attributes)
    : reading_(reading), vocabulary_(vocabulary), parent_(parent) {
  if (parent_ == nullptr || !reading_.ok()) return;
  CheckAttributes(attributes);
  Advance(parent_->children);
}

void Sequence::CheckAttributes(std::initializer_list<std::string_view> attributes) {
  std::size_t found = 0;
  for (const xmlAttr* attribute = parent_->properties; attribute != nullptr;
       attribute = attribute->next) {
    if (IsSchemaHint(*parent_, *attribute)) continue;
    const std::string_view name = View(attribute->name);
    const bool known = attribute->ns == nullptr &&
                       std::find(attributes.begin(), attributes.end(), name) != attributes.end();
    if (!known) {
      reading_.Fail(vocabulary_.reason, NameOf(*parent_) + " has the attribute " + Printable(name) +
                                            ", which is not accepted");
      return;
    }
    ++found;
  }
  // Well-formed XML has no attribute twice.
  if (found != attributes.size()) {
    reading_.Fail(vocabulary_.reason,
                  NameOf(*parent_) + " lacks an attribute: " + std::string(*attributes.begin()));
  }
}

std::string Sequence::Attribute(std::string_view name) const {
  if (parent_ == nullptr || !reading_.ok()) return {};
  for (const xmlAttr* attribute = parent_->properties; attribute != nullptr;
       attribute = attribute->next) {
    if (View(attribute->name) != name) continue;
    return PlainText(attribute->children).value_or(std::string());
  }
  return {};
}

void Sequence::Advance(const xmlNode* from) {
  next_ = nullptr;
  for (const xmlNode* node = from; node != nullptr; node = node->next) {
    if (node->type == XML_ELEMENT_NODE) {
      next_ = node;
      return;
    }
    if (node->type != XML_TEXT_NODE || !Blank(View(node->content))) {
      reading_.Fail(vocabulary_.reason, NameOf(*parent_) + " has text between its elements");
      return;
    }
  }
}

const xmlNode* Sequence::TakeIf(const Vocabulary& vocabulary, std::string_view name) {
  if (!reading_.ok() || next_ == nullptr || !Is(*next_, vocabulary, name)) return nullptr;
  const xmlNode* taken = next_;
  Advance(taken->next);
  return reading_.ok() ? taken : nullptr;
}

const xmlNode* Sequence::OptionalElement(std::string_view name) {
  return TakeIf(vocabulary_, name);
}

const xmlNode* Sequence::Element(std::string_view name) {
  if (parent_ == nullptr) return nullptr;
  const xmlNode* taken = TakeIf(vocabulary_, name);
  if (taken == nullptr) {
    FailExpecting(std::string(vocabulary_.prefix) + std::string(name), vocabulary_.reason);
  }
  return taken;
}

const xmlNode* Sequence::ForeignElement(const Vocabulary& vocabulary, std::string_view name) {
  if (parent_ == nullptr) return nullptr;
  const xmlNode* taken = TakeIf(vocabulary, name);
  if (taken == nullptr) {
    FailExpecting(std::string(vocabulary.prefix) + std::string(name),
                  next_ == nullptr ? vocabulary.reason : vocabulary_.reason);
  }
  return taken;
}

std::string Sequence::Text(std::string_view name) {
  const xmlNode* element = Element(name);
  return element == nullptr ? std::string() : TextOf(*element);
}

std::optional<std::string> Sequence::OptionalText(std::string_view name) {
  const xmlNode* element = OptionalElement(name);
  if (element == nullptr) return std::nullopt;
  return TextOf(*element);
}

std::string Sequence::TextOf(const xmlNode& element) {
  if (element.properties != nullptr) {
    reading_.Fail(vocabulary_.reason, NameOf(element) + " has the attribute " +
                                          Printable(View(element.properties->name)) +
                                          ", which is not accepted");
    return {};
  }
  auto text = PlainText(element.children);
  if (!text) reading_.Fail(vocabulary_.reason, NameOf(element) + " holds more than text");
  return std::move(text).value_or(std::string());
}

void Sequence::End() {
  if (parent_ != nullptr && next_ != nullptr) {
    FailExpecting("no further element", vocabulary_.reason);
  }
}

void Sequence::FailExpecting(const std::string& expected, Reason reason) {
  // A Signature in the wrong place is a matter of the signature's profile, wherever it is.
  const bool signature =
      next_ != nullptr && next_->ns != nullptr && View(next_->ns->href) == kXmlSignature.uri;
  reading_.Fail(signature ? kXmlSignature.reason : reason,
                "in " + NameOf(*parent_) + ": expected " + expected + ", found " +
                    (next_ == nullptr ? "no further element" : NameOf(*next_)));
}

}  // namespace acb::duis
