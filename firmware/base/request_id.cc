#include "firmware/base/request_id.h"

#include <charconv>

namespace acb {

std::optional<std::uint64_t> ParseDecimal(std::string_view text) {
  if (text.empty() || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  std::uint64_t value = 0;
  // from_chars takes no sign for an unsigned type, no blanks, and reports overflow.
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<RequestId> RequestId::FromText(std::string_view text) {
  const std::size_t first = text.find(':');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = text.find(':', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const auto originator = Eui64::FromHyphenated(text.substr(0, first));
  const auto target = Eui64::FromHyphenated(text.substr(first + 1, second - first - 1));
  const auto counter = ParseDecimal(text.substr(second + 1));
  if (!originator || !target || !counter) return std::nullopt;
  return RequestId{*originator, *target, *counter};
}

std::string RequestId::Text() const {
  return originator.Hyphenated() + ":" + target.Hyphenated() + ":" + std::to_string(counter);
}

Bytes RequestId::Key() const {
  return ByteWriter().U64(originator.value()).U64(target.value()).U64(counter).bytes();
}

}  // namespace acb
