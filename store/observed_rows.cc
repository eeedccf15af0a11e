#include "store/observed_rows.h"

#include <algorithm>

#include "store/fields.h"
#include "store/reading.h"

namespace acb::store {
namespace {

constexpr std::uint8_t kUncompressed = 0x04;  // first octet of a PublicPoint, not stored

}  // namespace

Bytes EncodeSigningKey(const DeviceKey& key) {
  return ByteWriter().Raw(BytesView(key.key).subspan(1)).Raw(key.certificate).bytes();
}

std::optional<DeviceKey> DecodeSigningKey(BytesView key, BytesView payload) {
  ByteReader name(key);
  ByteReader in(payload);
  DeviceKey found;
  found.device = Eui64(name.U64());
  found.key.front() = kUncompressed;
  std::ranges::copy(TakeArray<64>(in), found.key.begin() + 1);
  found.certificate = TakeArray<32>(in);
  if (!name.Finished() || !in.Finished()) return {};
  return found;
}

Bytes EncodeObserved(const ObservedRow& row) {
  return ByteWriter()
      .U64(row.counter)
      .Raw(row.command)
      .Raw(row.response)
      .U64(row.audit_index)
      .U8(row.unexplained ? 1 : 0)
      .U64(row.unexplained ? row.unexplained->value() : 0)
      .bytes();
}

std::optional<ObservedRow> DecodeObserved(BytesView payload) {
  ByteReader in(payload);
  ObservedRow row;
  row.counter = in.U64();
  row.command = TakeArray<32>(in);
  row.response = TakeArray<32>(in);
  row.audit_index = in.U64();
  const std::uint8_t has_holder = in.U8();
  const Eui64 holder(in.U64());
  if (has_holder == 1) row.unexplained = holder;
  if (!in.Finished() || has_holder > 1) return {};
  return row;
}

Bytes KeyOfObserved(Eui64 device, RemotePartyRole role, Eui64 originator) {
  return ByteWriter()
      .U64(device.value())
      .U8(static_cast<std::uint8_t>(role))
      .U64(originator.value())
      .bytes();
}
Bytes KeyOfForeign(Eui64 device, std::uint64_t counter) {
  constexpr auto kRole = static_cast<std::uint8_t>(RemotePartyRole::kAccessControlBroker);
  return ByteWriter().U64(device.value()).U8(kRole).U64(counter).bytes();
}
Bytes KeyOfElsewhere(Eui64 device, std::uint64_t counter) {
  return ByteWriter().U64(device.value()).U64(counter).bytes();
}

Bytes EncodePending(const PendingRow& row) {
  return ByteWriter().Raw(row.command).U16(row.message_code).U64(row.audit_index).bytes();
}

std::optional<PendingRow> DecodePending(BytesView payload) {
  ByteReader in(payload);
  PendingRow row;
  row.command = TakeArray<32>(in);
  row.message_code = in.U16();
  row.audit_index = in.U64();
  if (!in.Finished()) return {};
  return row;
}

Bytes KeyOfPending(Eui64 device, Eui64 originator, std::uint64_t counter) {
  return ByteWriter().U64(device.value()).U64(originator.value()).U64(counter).bytes();
}

Result<std::optional<ObservedRow>> FindLastMoved(const Transaction& transaction, Eui64 device,
                                                 RemotePartyRole role) {
  const Bytes prefix = ByteWriter().U64(device.value()).U8(static_cast<std::uint8_t>(role)).bytes();
  std::optional<ObservedRow> last;
  Status walked = transaction.Walk(
      Table::kObserved, prefix, prefix, [&](BytesView key, BytesView payload) -> Result<bool> {
        const auto row = DecodeObserved(payload);
        if (!row) return Damaged(Table::kObserved, key, "does not have the table's form");
        if (!last || row->audit_index > last->audit_index) last = *row;
        return true;
      });
  if (!walked) return std::move(walked).error();
  return last;
}

Result<std::optional<Bytes>> FindPending(const Transaction& transaction, Eui64 device,
                                         Eui64 originator, std::uint64_t counter) {
  const Bytes key = KeyOfPending(device, originator, counter);
  const auto row = Find(transaction, Table::kPending, key, DecodePending);
  if (!row) return row.error();
  if (!row->has_value()) return std::optional<Bytes>();
  auto command = transaction.Get(Table::kEvidence, (*row)->command);
  if (!command) return command;
  if (!command->has_value()) {
    return Damaged(Table::kEvidence, (*row)->command, "of a pending command is missing");
  }
  return command;
}

Result<std::optional<PublicPoint>> FindSigningKey(const Transaction& transaction, Eui64 device) {
  const auto row =
      FindByKey(transaction, Table::kDeviceSigningKeys, KeyOf(device), DecodeSigningKey);
  if (!row) return row.error();
  if (!row->has_value()) return std::optional<PublicPoint>();
  return std::optional((*row)->key);
}

Result<bool> ObservedSince(const Transaction& transaction, Eui64 device, RemotePartyRole role,
                           std::uint64_t audit_index) {
  const auto last = FindLastMoved(transaction, device, role);
  if (!last) return last.error();
  return last->has_value() && (*last)->audit_index > audit_index;
}

}  // namespace acb::store
