#include "firmware/feeds/mpan_prefixes.h"

#include <algorithm>

#include "firmware/feeds/field.h"

namespace acb::feeds {

const std::vector<std::string>& MpanPrefixColumns() {
  static const std::vector<std::string> kColumns = {"prefix", "party"};
  return kColumns;
}

Result<MpanPrefix> ParseMpanPrefix(const CsvRow& row) {
  const std::string_view prefix = row.Get("prefix");
  const bool digits = std::ranges::all_of(prefix, [](char c) { return c >= '0' && c <= '9'; });
  if (prefix.size() != 2 || !digits) return Rejected("prefix", "two digits", prefix);
  auto party = PartyField(row, "party");
  if (!party) return std::move(party).error();
  return MpanPrefix{std::string(prefix), *std::move(party)};
}

}  // namespace acb::feeds
