// Reads a tree element by element in the order that a schema fixes. The first thing that is wrong
// is kept; after it everything reads as absent or empty, so that a reader is straight-line code and
// asks once at the end.
#pragma once

#include <libxml/tree.h>

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "firmware/base/result.h"

namespace acb::duis {

// A namespace, how explanations write its names, and what it means when its rules are broken.
struct Vocabulary {
  std::string_view uri;
  std::string_view prefix;
  Reason reason;
};
inline constexpr Vocabulary kDuis{"http://www.dccinterface.co.uk/ServiceUserGateway",
                                  "sr:", Reason::kMalformed};
inline constexpr Vocabulary kXmlSignature{"http://www.w3.org/2000/09/xmldsig#",
                                          "ds:", Reason::kSignatureInvalid};

// `text` fit for an explanation or a log: printable ASCII, other octets as '?', at most 80 of them.
std::string Printable(std::string_view text);

// XML Schema's whiteSpace="collapse".
std::string Collapse(std::string_view text);

class Reading {
 public:
  void Fail(Reason reason, std::string explanation) {
    if (!failure_) failure_.emplace(reason, std::move(explanation));
  }
  bool ok() const { return !failure_.has_value(); }
  // Only when not ok().
  const Failure& failure() const { return failure_.value(); }

 private:
  std::optional<Failure> failure_;
};

bool Is(const xmlNode& element, const Vocabulary& vocabulary, std::string_view name);

// The children of an element with element content, in order. White space between them is passed
// over.
class Sequence {
 public:
  // The children of `parent`, which must have exactly `attributes` (namespace declarations aside,
  // and on the document element xsi:schemaLocation and xsi:noNamespaceSchemaLocation).
  // A null `parent` was already complained of.
  Sequence(Reading& reading, const Vocabulary& vocabulary, const xmlNode* parent,
           std::initializer_list<std::string_view> attributes = {});

  // The value of one of `attributes`.
  std::string Attribute(std::string_view name) const;

  // The next child, which must be `name`.
  const xmlNode* Element(std::string_view name);
  // The next child when it is `name`; otherwise it stays the next.
  const xmlNode* OptionalElement(std::string_view name);
  // As Element(), for a child of another vocabulary; when there is no child, its reason counts.
  const xmlNode* ForeignElement(const Vocabulary& vocabulary, std::string_view name);
  // As the first two, for an element that has text and nothing else.
  std::string Text(std::string_view name);
  std::optional<std::string> OptionalText(std::string_view name);
  // The next child, whatever it is; it stays the next.
  const xmlNode* Peek() const { return reading_.ok() ? next_ : nullptr; }
  // No further child.
  void End();

 private:
  void CheckAttributes(std::initializer_list<std::string_view> attributes);
  void Advance(const xmlNode* from);
  std::string TextOf(const xmlNode& element);
  const xmlNode* TakeIf(const Vocabulary& vocabulary, std::string_view name);
  void FailExpecting(const std::string& expected, Reason reason);

  Reading& reading_;
  const Vocabulary& vocabulary_;
  const xmlNode* parent_;
  const xmlNode* next_ = nullptr;
};

}  // namespace acb::duis
