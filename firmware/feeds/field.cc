#include "firmware/feeds/field.h"

#include <algorithm>

#include "firmware/base/request_id.h"
#include "firmware/base/utf8.h"

namespace acb::feeds {

Failure Rejected(std::string_view column, std::string_view expected, std::string_view found) {
  constexpr std::size_t kShown = 60;
  std::string text(column);
  text += ": expected ";
  text += expected;
  text += ", found '";
  text += Utf8Prefix(found, kShown);
  text += found.size() > kShown ? "...'" : "'";
  return Failure(Reason::kFeedRejected, std::move(text));
}

Result<Eui64> EuiField(const CsvRow& row, std::string_view column) {
  const auto eui = Eui64::FromText(row.Get(column));
  if (!eui) return Rejected(column, "an EUI-64 of 16 hex digits", row.Get(column));
  return *eui;
}

Result<UtcTime> TimeField(const CsvRow& row, std::string_view column) {
  const std::string_view text = row.Get(column);
  constexpr std::size_t kDateOctets = 10;  // no instant is as short
  const auto instant =
      text.size() == kDateOctets ? UtcTime::FromIsoDate(text) : UtcTime::FromIso(text);
  if (!instant) return Rejected(column, "2026-01-31 or 2026-01-31T12:00:00Z", text);
  return *instant;
}

Result<std::optional<UtcTime>> OptionalTimeField(const CsvRow& row, std::string_view column) {
  if (row.Get(column).empty()) return std::optional<UtcTime>();
  auto time = TimeField(row, column);
  if (!time) return std::move(time).error();
  return std::optional<UtcTime>(*time);
}

Result<bool> YesNoField(const CsvRow& row, std::string_view column) {
  const std::string_view text = row.Get(column);
  if (text == "yes" || text == "true" || text == "1") return true;
  if (text == "no" || text == "false" || text == "0") return false;
  return Rejected(column, "yes or no", text);
}

Result<std::string> TextField(const CsvRow& row, std::string_view column, std::size_t least,
                              std::size_t most) {
  const std::string_view text = row.Get(column);
  const bool printable = std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
  if (text.size() >= least && text.size() <= most && printable) return std::string(text);
  return Rejected(column,
                  std::to_string(least) + " to " + std::to_string(most) + " printable characters",
                  text);
}

Result<Sha256Digest> Sha256Field(const CsvRow& row, std::string_view column) {
  const auto octets = FromHex(row.Get(column));
  Sha256Digest digest{};
  if (!octets || octets->size() != digest.size()) {
    return Rejected(column, "a SHA-256 of 64 hex digits", row.Get(column));
  }
  std::ranges::copy(*octets, digest.begin());
  return digest;
}

Result<std::optional<UtcTime>> EndField(const CsvRow& row, std::string_view column, UtcTime from) {
  auto to = OptionalTimeField(row, column);
  if (to && *to && **to <= from) {
    return Rejected(column, "an instant after 'from'", row.Get(column));
  }
  return to;
}

Result<std::string> PartyField(const CsvRow& row, std::string_view column) {
  constexpr std::size_t kMaxParty = 64;
  auto text = TextField(row, column, 1, kMaxParty);
  if (text) return text;
  return Rejected(column, "a party's short name of 1 to 64 printable characters", row.Get(column));
}

Result<std::string> MpxnField(const CsvRow& row, std::string_view column) {
  constexpr std::size_t kMpanDigits = 13;
  constexpr std::size_t kMaxMprnDigits = 10;
  const std::string_view text = row.Get(column);
  const bool digits = std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  const bool length =
      text.size() == kMpanDigits || (!text.empty() && text.size() <= kMaxMprnDigits);
  if (!digits || !length) {
    return Rejected(column, "an MPAN core of 13 digits or an MPRN of 1 to 10", text);
  }
  if (text.size() == kMpanDigits) return std::string(text);
  const std::size_t first = text.find_first_not_of('0');
  if (first == std::string_view::npos) return Rejected(column, "an MPRN that is not zero", text);
  return std::string(text.substr(first));
}

Result<std::optional<FloorSeqNumber>> FloorField(const CsvRow& row, std::string_view column) {
  const std::string_view text = row.Get(column);
  if (text.empty()) return std::optional<FloorSeqNumber>();
  const auto number = ParseDecimal(text);
  const auto floor = number ? FloorSeqNumber::From(*number) : std::nullopt;
  if (!floor) return Rejected(column, "a counter of 0 to 9223372036854775807", text);
  return std::optional<FloorSeqNumber>(*floor);
}

}  // namespace acb::feeds
