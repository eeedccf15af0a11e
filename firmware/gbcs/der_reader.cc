#include "firmware/gbcs/der_reader.h"

namespace acb::gbcs {
namespace {

constexpr std::uint8_t kLongForm = 0x80;
// A length of more than four octets cannot be one of a message (65,545 octets at most).
constexpr std::size_t kMaxLengthOctets = 4;

}  // namespace

void DerFault::Set(std::string_view element, std::string_view what) {
  if (!text_.empty()) return;
  text_.append(element).append(": ").append(what);
}

std::optional<std::size_t> DerReader::TakeLength(ByteReader& from) const {
  const std::uint8_t first = from.U8();
  if (first < kLongForm) return first;
  const std::size_t octets = first - kLongForm;
  // 80 is the indefinite form: never DER, and no device sends it.
  if (octets == 0 || octets > kMaxLengthOctets) return std::nullopt;
  std::size_t length = 0;
  for (std::size_t i = 0; i < octets; ++i) length = length << 8 | from.U8();
  if (form_ == LengthForm::kAnyDefinite) return length;
  const bool minimal = length >= kLongForm && length >> (8 * (octets - 1)) != 0;
  return minimal ? std::optional(length) : std::nullopt;
}

BytesView DerReader::Take(std::uint8_t tag, std::string_view element, bool whole) {
  if (*fault_) return {};
  ByteReader reader(rest_);
  const std::uint8_t found = reader.U8();
  if (!reader.ok()) {
    fault_->Set(element, "missing");
    return {};
  }
  if (found != tag) {
    fault_->Set(element, "tag " + ToHex({&found, 1}) + " where " + ToHex({&tag, 1}) + " belongs");
    return {};
  }
  const auto length = TakeLength(reader);
  if (!length || !reader.ok()) {
    fault_->Set(element, "length is not in the form required");
    return {};
  }
  const std::size_t header = rest_.size() - reader.rest().size();
  const BytesView content = reader.Raw(*length);
  if (!reader.ok()) {
    fault_->Set(element, "longer than what encloses it");
    return {};
  }
  const BytesView all = rest_.first(header + *length);
  rest_ = reader.rest();
  return whole ? all : content;
}

BytesView DerReader::Content(std::uint8_t tag, std::string_view element) {
  return Take(tag, element, false);
}

BytesView DerReader::Whole(std::uint8_t tag, std::string_view element) {
  return Take(tag, element, true);
}

DerReader DerReader::Enter(std::uint8_t tag, std::string_view element) {
  return DerReader(Content(tag, element), form_, *fault_);
}

std::uint64_t DerReader::Unsigned(std::uint8_t tag, std::uint64_t max, std::string_view element) {
  BytesView content = Content(tag, element);
  if (*fault_) return 0;
  const bool empty = content.empty();
  // X.690 8.3.2: the first nine bits may not all be equal.
  const bool padded = content.size() > 1 && content[0] == 0 && content[1] < 0x80;
  if (empty || content[0] >= 0x80 || padded) {
    fault_->Set(element, "not a minimal INTEGER of zero or more");
    return 0;
  }
  if (content[0] == 0) content = content.subspan(1);
  std::uint64_t value = 0;
  if (content.size() <= sizeof value) {
    for (const std::uint8_t octet : content) value = value << 8 | octet;
  }
  if (content.size() > sizeof value || value > max) {
    fault_->Set(element, "out of range");
    return 0;
  }
  return value;
}

void DerReader::End(std::string_view element) {
  if (More()) fault_->Set(element, "octets after the last element");
}

}  // namespace acb::gbcs
