// What surrounds the payload of every record: a version octet before it, a check value behind it.
//
// LMDB does not notice flipped bits in its file (reliability.md section 1). The check value is
// bound to the table and the key, so that a record read from another record's place is noticed too.
#pragma once

#include "firmware/base/bytes.h"
#include "firmware/base/result.h"
#include "store/tables.h"

namespace acb::store {

inline constexpr std::uint8_t kRecordVersion = 1;
// Version, check value.
inline constexpr std::size_t kRecordOverhead = 1 + 4;

// version || payload || CRC-32C(table || length of key (2) || key || version || payload),
// big-endian. `key` has 1 to 511 octets (LMDB's limit).
Bytes Seal(Table table, BytesView key, BytesView payload);
// Likewise into `value`, which has kRecordOverhead more octets than the payload.
void SealInto(Table table, BytesView key, BytesView payload, std::span<std::uint8_t> value);

// What Seal puts behind version and payload, for who wrote them in place.
std::uint32_t CheckValue(Table table, BytesView key, BytesView version_and_payload);

// The payload, a view into `value`.
// Fails with kRecordDamaged: the check value is wrong, or the version is unknown here.
Result<BytesView> Unseal(Table table, BytesView key, BytesView value);

// kRecordDamaged that names table and key, in `detail`: for the operator (keys name parties).
Failure Damaged(Table table, BytesView key, std::string_view what);

}  // namespace acb::store
