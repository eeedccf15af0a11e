// Strict DER (X.690 sections 8, 10 and 11), as far as certificates and revocation lists need it.
//
// OpenSSL's templates let non-minimal lengths, indefinite lengths, constructed strings and trailing
// octets pass (ecosystem.md section 6), so what comes from outside is read here and only the
// cryptography is left to the library.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "firmware/base/bytes.h"

namespace acb::smki::der {

inline constexpr std::uint8_t kBoolean = 0x01;
inline constexpr std::uint8_t kInteger = 0x02;
inline constexpr std::uint8_t kBitString = 0x03;
inline constexpr std::uint8_t kOctetString = 0x04;
inline constexpr std::uint8_t kNull = 0x05;
inline constexpr std::uint8_t kOid = 0x06;
inline constexpr std::uint8_t kEnumerated = 0x0a;
inline constexpr std::uint8_t kUtf8String = 0x0c;
inline constexpr std::uint8_t kPrintableString = 0x13;
inline constexpr std::uint8_t kUtcTime = 0x17;
inline constexpr std::uint8_t kGeneralizedTime = 0x18;
inline constexpr std::uint8_t kSequence = 0x30;
inline constexpr std::uint8_t kSet = 0x31;
constexpr std::uint8_t ContextPrimitive(std::uint8_t number) { return 0x80 | number; }
constexpr std::uint8_t ContextConstructed(std::uint8_t number) { return 0xa0 | number; }

inline constexpr int kMaxDepth = 16;  // a certificate of the profile has 6 levels

struct Element {
  std::uint8_t tag = 0;
  BytesView content;
  BytesView whole;  // with tag and length
};

// Takes the element that `bytes` begins with. False, and nothing is taken, when its tag or length
// is not strict DER, or it runs past the end; at the content nobody looks. Here, with pointers, and
// without an optional: a file of ten million devices has a thousand million elements.
inline bool TakeElement(BytesView& bytes, Element& element) {
  constexpr std::uint8_t kTagNumberBits = 0x1f;
  constexpr std::uint8_t kLongForm = 0x80;
  constexpr std::size_t kMaxLengthOctets = 4;
  const std::size_t room = bytes.size();
  if (room < 2) return false;
  const std::uint8_t* const start = bytes.data();
  // Tag numbers above 30 occur in no certificate; tag 0 is the end of an indefinite length.
  const std::uint8_t tag = start[0];
  if (tag == 0 || (tag & kTagNumberBits) == kTagNumberBits) return false;
  // X.690 section 10.1: definite form in the fewest octets.
  std::size_t length = start[1];
  std::size_t header = 2;
  if (length >= kLongForm) {
    const std::size_t count = length & ~std::size_t{kLongForm};
    if (count == 0 || count > kMaxLengthOctets || room - 2 < count) return false;
    length = 0;
    for (std::size_t i = 0; i < count; ++i) length = length << 8 | start[2 + i];
    if (length < kLongForm || start[2] == 0) return false;
    header += count;
  }
  if (length > room - header) return false;
  const std::size_t size = header + length;
  element = {tag, {start + header, length}, {start, size}};
  bytes = {start + size, room - size};
  return true;
}

// Reads elements one after the other, never past the end. After the first that is malformed or not
// what was asked for, ok() is false for good and elements are empty: a caller may read all fields
// and look once.
class Reader {
 public:
  explicit Reader(BytesView bytes) : rest_(bytes) {}
  // The content of `element`.
  explicit Reader(const Element& element) : rest_(element.content) {}

  Element Take() {
    Element element;
    ok_ = ok_ && TakeElement(rest_, element);
    return element;
  }
  Element Take(std::uint8_t tag) {
    ok_ = ok_ && !rest_.empty() && *rest_.data() == tag;
    return Take();
  }
  // Nothing, and nothing read, when the next element has another tag or there is none.
  std::optional<Element> TakeIf(std::uint8_t tag) {
    if (!ok_ || rest_.empty() || *rest_.data() != tag) return std::nullopt;
    Element element = Take();
    return ok_ ? std::optional(element) : std::nullopt;
  }
  bool AtEnd() const { return rest_.empty(); }
  bool ok() const { return ok_; }
  // Everything was read, and nothing was wrong.
  bool Finished() const { return ok_ && rest_.empty(); }
  void Fail() { ok_ = false; }

 private:
  BytesView rest_;
  bool ok_ = true;
};

enum class Integers { kMinimal, kMayBePadded };

// What is wrong with `der` as exactly one element of strict DER, at any depth up to kMaxDepth: form
// of tags and lengths, universal types, order within SET OF, octets after the end. Nothing when it
// is sound. Contents of OCTET STRINGs and of primitive context tags are not looked into.
std::optional<std::string> FindFault(BytesView der, Integers integers = Integers::kMinimal);

// The content octets of an INTEGER in the shortest form.
bool IsMinimalInteger(BytesView content);
bool IsUtf8(BytesView text);
bool IsPrintableString(BytesView text);
// A UTF8String or PrintableString that holds what its type may hold.
bool IsText(const Element& element);

// The BIT STRING's octets, when it has no unused bits.
std::optional<BytesView> WholeOctets(const Element& bit_string);
// "2.5.4.11" of the content octets. Arcs above 2^63 are given as their hexadecimal octets.
std::string OidText(BytesView content);

}  // namespace acb::smki::der
