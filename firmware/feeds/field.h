// The values that several feeds share. Each fails with kFeedRejected and says what was expected.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "firmware/base/eui64.h"
#include "firmware/base/result.h"
#include "firmware/base/time.h"
#include "firmware/feeds/csv.h"
#include "firmware/records.h"

namespace acb::feeds {

Failure Rejected(std::string_view column, std::string_view expected, std::string_view found);

Result<Eui64> EuiField(const CsvRow& row, std::string_view column);
// An instant with zone, or a date: its start, UTC.
Result<UtcTime> TimeField(const CsvRow& row, std::string_view column);
// Nothing when empty.
Result<std::optional<UtcTime>> OptionalTimeField(const CsvRow& row, std::string_view column);
// A party's short name: 1 to 64 printable ASCII characters.
Result<std::string> PartyField(const CsvRow& row, std::string_view column);
// yes, true, 1; no, false, 0.
Result<bool> YesNoField(const CsvRow& row, std::string_view column);
// Printable ASCII, from `least` to `most` octets.
Result<std::string> TextField(const CsvRow& row, std::string_view column, std::size_t least,
                              std::size_t most);
// 64 hex digits.
Result<Sha256Digest> Sha256Field(const CsvRow& row, std::string_view column);
// The end of a row in force from `from`: an instant after it; nothing when empty.
Result<std::optional<UtcTime>> EndField(const CsvRow& row, std::string_view column, UtcTime from);
// An MPAN core (13 digits) or an MPRN (1 to 10 digits, not all zero). Leading zeros of an MPRN are
// folded: 0123456789 and 123456789 are one meter point. The check digit is not asked for: none of
// the public test MPANs passes it (duis-6.21.md 7.3).
Result<std::string> MpxnField(const CsvRow& row, std::string_view column);
// 0 .. 2^63-1, decimal; nothing when empty.
Result<std::optional<FloorSeqNumber>> FloorField(const CsvRow& row, std::string_view column);

}  // namespace acb::feeds
