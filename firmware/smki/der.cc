#include "firmware/smki/der.h"

#include <algorithm>

namespace acb::smki::der {
namespace {

constexpr std::uint8_t kConstructedBit = 0x20;
constexpr std::uint8_t kClassBits = 0xc0;
constexpr std::uint8_t kTagNumberBits = 0x1f;

// X.690 section 8.19.2: no subidentifier starts with 80, and the last one ends.
bool IsSoundOid(BytesView content) {
  if (content.empty() || (content.back() & 0x80) != 0) return false;
  bool at_start = true;
  for (const std::uint8_t octet : content) {
    if (at_start && octet == 0x80) return false;
    at_start = (octet & 0x80) == 0;
  }
  return true;
}

// X.690 sections 8.6.2 and 11.2: unused bits are counted and zero.
bool IsSoundBitString(BytesView content) {
  if (content.empty() || content[0] > 7) return false;
  if (content.size() == 1) return content[0] == 0;
  const auto unused = static_cast<std::uint8_t>((1u << content[0]) - 1);
  return (content.back() & unused) == 0;
}

// What is wrong with the content of a primitive of a universal type; nullptr when nothing is.
const char* PrimitiveFault(const Element& element, Integers integers) {
  const BytesView content = element.content;
  switch (element.tag) {
    case kBoolean:
      // X.690 section 11.1.
      if (content.size() != 1 || (content[0] != 0x00 && content[0] != 0xff)) {
        return "a BOOLEAN is neither 00 nor FF";
      }
      return nullptr;
    case kInteger:
    case kEnumerated:
      if (content.empty() || (integers == Integers::kMinimal && !IsMinimalInteger(content))) {
        return "an INTEGER is padded or empty";
      }
      return nullptr;
    case kBitString:
      return IsSoundBitString(content) ? nullptr : "a BIT STRING has wrong unused bits";
    case kNull:
      return content.empty() ? nullptr : "a NULL has content";
    case kOid:
      return IsSoundOid(content) ? nullptr : "an OBJECT IDENTIFIER is padded or incomplete";
    default:
      return nullptr;
  }
}

// Only SEQUENCE and SET are constructed among the universal types of these structures: X.690
// section 10.2 forbids constructed strings.
bool IsUniversal(std::uint8_t tag) { return (tag & kClassBits) == 0; }
bool IsConstructed(std::uint8_t tag) { return (tag & kConstructedBit) != 0; }

const char* FaultInside(BytesView content, std::uint8_t tag, Integers integers, int depth);

const char* FaultOf(const Element& element, Integers integers, int depth) {
  const std::uint8_t number = element.tag & kTagNumberBits;
  if (IsUniversal(element.tag)) {
    const bool structure = element.tag == kSequence || element.tag == kSet;
    const bool structure_number = number == (kSequence & kTagNumberBits) ||  //
                                  number == (kSet & kTagNumberBits);
    if (IsConstructed(element.tag) != structure || structure != structure_number) {
      return "a type is in the wrong form (primitive or constructed)";
    }
    if (const char* fault = PrimitiveFault(element, integers)) return fault;
  }
  if (!IsConstructed(element.tag)) return nullptr;
  if (depth >= kMaxDepth) return "it is nested too deeply";
  return FaultInside(element.content, element.tag, integers, depth + 1);
}

const char* FaultInside(BytesView content, std::uint8_t tag, Integers integers, int depth) {
  BytesView before;
  while (!content.empty()) {
    Element element;
    if (!TakeElement(content, element))
      return "a tag or length is not in DER form, or runs past the end";
    // X.690 section 11.6.
    if (tag == kSet) {
      if (!before.empty() && std::ranges::lexicographical_compare(element.whole, before)) {
        return "a SET is not in order";
      }
      before = element.whole;
    }
    if (const char* fault = FaultOf(element, integers, depth)) return fault;
  }
  return nullptr;
}

}  // namespace

std::optional<std::string> FindFault(BytesView der, Integers integers) {
  Element element;
  if (!TakeElement(der, element)) return "a tag or length is not in DER form, or runs past the end";
  if (!der.empty()) return "there are octets after its end";
  const char* fault = FaultOf(element, integers, 0);
  return fault == nullptr ? std::nullopt : std::optional<std::string>(fault);
}

bool IsMinimalInteger(BytesView content) {
  if (content.empty()) return false;
  if (content.size() == 1) return true;
  const bool padded_positive = content[0] == 0x00 && (content[1] & 0x80) == 0;
  const bool padded_negative = content[0] == 0xff && (content[1] & 0x80) != 0;
  return !padded_positive && !padded_negative;
}

bool IsUtf8(BytesView text) {
  std::size_t i = 0;
  while (i < text.size()) {
    const std::uint8_t first = text[i];
    const std::size_t size = first < 0x80   ? 1
                             : first < 0xc2 ? 0
                             : first < 0xe0 ? 2
                             : first < 0xf0 ? 3
                             : first < 0xf5 ? 4
                                            : 0;
    if (size == 0 || text.size() - i < size) return false;
    for (std::size_t k = 1; k < size; ++k) {
      if ((text[i + k] & 0xc0) != 0x80) return false;
    }
    // Overlong forms, surrogates and code points above 10FFFF (RFC 3629 section 4).
    if (first == 0xe0 && text[i + 1] < 0xa0) return false;
    if (first == 0xed && text[i + 1] > 0x9f) return false;
    if (first == 0xf0 && text[i + 1] < 0x90) return false;
    if (first == 0xf4 && text[i + 1] > 0x8f) return false;
    i += size;
  }
  return true;
}

bool IsPrintableString(BytesView text) {
  // X.680 section 41.4.
  constexpr std::string_view kOthers = " '()+,-./:=?";
  return std::ranges::all_of(text, [&](std::uint8_t octet) {
    const char c = static_cast<char>(octet);
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           kOthers.find(c) != std::string_view::npos;
  });
}

bool IsText(const Element& element) {
  return (element.tag == kUtf8String && IsUtf8(element.content)) ||
         (element.tag == kPrintableString && IsPrintableString(element.content));
}

std::optional<BytesView> WholeOctets(const Element& bit_string) {
  if (bit_string.tag != kBitString || bit_string.content.empty() || bit_string.content[0] != 0) {
    return std::nullopt;
  }
  return bit_string.content.subspan(1);
}

std::string OidText(BytesView content) {
  constexpr std::uint64_t kShiftLimit = std::uint64_t{1} << 56;
  std::string text;
  std::uint64_t arc = 0;
  for (const std::uint8_t octet : content) {
    if (arc >= kShiftLimit) return "0x" + ToHex(content);
    arc = arc << 7 | (octet & 0x7f);
    if ((octet & 0x80) != 0) continue;
    if (text.empty()) {
      // X.690 section 8.19.4: the first subidentifier holds two arcs.
      const std::uint64_t first = std::min<std::uint64_t>(arc / 40, 2);
      text = std::to_string(first) + "." + std::to_string(arc - first * 40);
    } else {
      text += "." + std::to_string(arc);
    }
    arc = 0;
  }
  return text;
}

}  // namespace acb::smki::der
