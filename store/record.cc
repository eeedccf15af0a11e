#include "store/record.h"

#include "store/check_value.h"

namespace acb::store {
namespace {

std::uint32_t CheckValue(Table table, BytesView key, BytesView version_and_payload) {
  ByteWriter binding;
  binding.U8(static_cast<std::uint8_t>(table)).U16(static_cast<std::uint16_t>(key.size()));
  return Crc32c().Update(binding.bytes()).Update(key).Update(version_and_payload).value();
}

}  // namespace

Bytes Seal(Table table, BytesView key, BytesView payload) {
  ByteWriter value;
  value.U8(kRecordVersion).Raw(payload);
  value.U32(CheckValue(table, key, value.bytes()));
  return std::move(value).bytes();
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
