#include "firmware/gbcs/der_writer.h"

#include <algorithm>
#include <bit>

namespace acb::gbcs {
namespace {

void AppendBigEndian(std::uint64_t value, std::size_t octets, Bytes& out) {
  for (std::size_t i = octets; i > 0; --i) {
    out.push_back(static_cast<std::uint8_t>(value >> (8 * (i - 1))));
  }
}

}  // namespace

void AppendLength(std::size_t length, Bytes& out) {
  constexpr std::size_t kShortForm = 128;
  if (length >= kShortForm) {
    const auto octets = (static_cast<std::size_t>(std::bit_width(length)) + 7) / 8;
    out.push_back(static_cast<std::uint8_t>(0x80 + octets));
    return AppendBigEndian(length, octets, out);
  }
  out.push_back(static_cast<std::uint8_t>(length));
}

Bytes DerElement(std::uint8_t tag, std::initializer_list<BytesView> parts) {
  std::size_t size = 0;
  for (const BytesView part : parts) size += part.size();
  constexpr std::size_t kMaxHeader = 1 + 1 + sizeof size;
  Bytes element;
  element.reserve(kMaxHeader + size);
  element.push_back(tag);
  AppendLength(size, element);
  for (const BytesView part : parts) element.insert(element.end(), part.begin(), part.end());
  return element;
}

Bytes DerUnsigned(std::uint8_t tag, std::uint64_t value) {
  // One bit more than the value needs: the sign, so that 200 does not read as -56. Zero has one
  // octet.
  const auto octets = static_cast<std::size_t>(std::bit_width(value)) / 8 + 1;
  Bytes content;
  if (octets > sizeof value) content.push_back(0);
  AppendBigEndian(value, std::min(octets, sizeof value), content);
  return DerElement(tag, {content});
}

}  // namespace acb::gbcs
