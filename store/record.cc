#include "store/record.h"

#include <algorithm>
#include <array>

#include "store/check_value.h"

namespace acb::store {

std::uint32_t CheckValue(Table table, BytesView key, BytesView version_and_payload) {
  const std::array<std::uint8_t, 3> binding = {static_cast<std::uint8_t>(table),
                                               static_cast<std::uint8_t>(key.size() >> 8),
                                               static_cast<std::uint8_t>(key.size())};
  return Crc32c().Update(binding).Update(key).Update(version_and_payload).value();
}

void SealInto(Table table, BytesView key, BytesView payload, std::span<std::uint8_t> value) {
  value.front() = kRecordVersion;
  std::ranges::copy(payload, value.begin() + 1);
  const std::uint32_t check = CheckValue(table, key, value.first(1 + payload.size()));
  for (std::size_t i = 0; i < 4; ++i) {
    value[value.size() - 4 + i] = static_cast<std::uint8_t>(check >> (24 - 8 * i));
  }
}

Bytes Seal(Table table, BytesView key, BytesView payload) {
  Bytes value(payload.size() + kRecordOverhead);
  SealInto(table, key, payload, value);
  return value;
}

Result<BytesView> Unseal(Table table, BytesView key, BytesView value) {
  if (value.size() < kRecordOverhead) return Damaged(table, key, "is too short");
  const BytesView checked = value.first(value.size() - 4);
  if (ByteReader(value.last(4)).U32() != CheckValue(table, key, checked)) {
    return Damaged(table, key, "fails its check value");
  }
  if (checked.front() != kRecordVersion) {
    return Damaged(table, key, "has version " + std::to_string(checked.front()));
  }
  return checked.subspan(1);
}

Failure Damaged(Table table, BytesView key, std::string_view what) {
  return Failure(Reason::kRecordDamaged, {},
                 "table " + std::string(Name(table)) + ", key " + ToHex(key) + ": the record " +
                     std::string(what));
}

}  // namespace acb::store
