// Documents that are their own canonical form: what most senders write, and what needs no
// canonicalisation to be verified.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace acb::duis {

// The octets that a signature of the profile covers.
struct PlainForm {
  // Canonical XML 1.0 (inclusive, without comments) of the Request without its Signature: both
  // parts, one after the other. They point into the document.
  std::string_view before_signature;
  std::string_view after_signature;
  // Exclusive Canonical XML 1.0 of the SignedInfo element.
  std::string signed_info;
};

// `document` must be well-formed XML with namespaces, in UTF-8 (tree.h), whose last element below
// the document element is a ds:Signature of the profile (signature_profile.h).
//
// Nothing for a document that canonicalisation would change, or might. It is looked for a form in
// which there is nothing to change:
// - an XML declaration and blanks before and after the document element, which are not signed;
// - the start tag of the document element with namespace declarations in order of their prefixes,
//   then schemaVersion; every other tag outside Signature without attribute; no empty-element tag;
// - in text no '&', no '>', no carriage return, no CDATA section, so that it is written as it is;
// - in SignedInfo one prefix for all elements, and at most one attribute each.
// Never says that the octets are what they are not: so the test against libxml2 demands, which
// changes a document at random (plain_form_test). Thread-safe; linear time.
std::optional<PlainForm> FindPlainForm(std::string_view document);

}  // namespace acb::duis
