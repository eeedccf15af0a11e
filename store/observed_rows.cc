#include "store/observed_rows.h"

#include <algorithm>

#include "store/fields.h"
#include "store/reading.h"

namespace acb::store {
namespace {

constexpr std::uint8_t kUncompressed = 0x04;  // first octet of a PublicPoint, not stored

// Flags of table observed.
constexpr std::uint8_t kHasHolder = 1;
constexpr std::uint8_t kHasReceipt = 2;
constexpr std::uint8_t kHasDated = 4;
constexpr std::uint8_t kLastIsDated = 8;

// Flags of table pending.
constexpr std::uint8_t kFutureDated = 1;
constexpr std::uint8_t kSupplierCell = 2;
constexpr std::uint8_t kNetworkCell = 4;

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
      .U8(static_cast<std::uint8_t>(
          (row.unexplained ? kHasHolder : 0) | (row.on_receipt ? kHasReceipt : 0) |
          (row.dated ? kHasDated : 0) | (row.last_is_dated ? kLastIsDated : 0)))
      .U64(row.unexplained ? row.unexplained->value() : 0)
      .U64(Biased(row.recorded))
      .U64(row.dated ? row.dated->counter : 0)
      .U64(row.dated ? Biased(row.dated->executed) : 0)
      .bytes();
}

std::optional<ObservedRow> DecodeObserved(BytesView payload) {
  ByteReader in(payload);
  ObservedRow row;
  row.counter = in.U64();
  row.command = TakeArray<32>(in);
  row.response = TakeArray<32>(in);
  row.audit_index = in.U64();
  const std::uint8_t flags = in.U8();
  const Eui64 holder(in.U64());
  if ((flags & kHasHolder) != 0) row.unexplained = holder;
  row.on_receipt = (flags & kHasReceipt) != 0;
  row.recorded = Unbiased(in.U64());
  const std::uint64_t dated = in.U64();
  const UtcTime executed = Unbiased(in.U64());
  if ((flags & kHasDated) != 0) row.dated = DatedMove{dated, executed};
  row.last_is_dated = (flags & kLastIsDated) != 0;
  if (!in.Finished() || flags >= 2 * kLastIsDated) return {};
  return row;
}

void NoteMoved(ObservedRow& row, std::uint64_t counter, std::optional<UtcTime> dated, UtcTime at) {
  row.last_is_dated = dated.has_value();
  if (dated) {
    if (!row.dated || row.dated->executed <= *dated) row.dated = DatedMove{counter, *dated};
    return;
  }
  if (row.on_receipt && row.counter > counter) return;
  row.on_receipt = true;
  row.counter = counter;
  row.recorded = at;
}

Bytes KeyOfObserved(Eui64 device, RemotePartyRole role, Eui64 originator) {
  return ByteWriter()
      .U64(device.value())
      .U8(static_cast<std::uint8_t>(role))
      .U64(originator.value())
      .bytes();
}
Bytes KeyOfForeign(Eui64 device, std::uint64_t counter, const Sha256Digest& command) {
  constexpr auto kRole = static_cast<std::uint8_t>(RemotePartyRole::kAccessControlBroker);
  return ByteWriter().U64(device.value()).U8(kRole).U64(counter).Raw(command).bytes();
}
Bytes KeyOfElsewhere(Eui64 device, std::uint64_t counter) {
  return ByteWriter().U64(device.value()).U64(counter).bytes();
}

Bytes EncodePending(const PendingRow& row) {
  return ByteWriter()
      .Raw(row.command)
      .U16(row.message_code)
      .U64(row.audit_index)
      .U8(static_cast<std::uint8_t>((row.future_dated ? kFutureDated : 0) |
                                    (row.supplier ? kSupplierCell : 0) |
                                    (row.network_operator ? kNetworkCell : 0)))
      .U64(Biased(row.due))
      .bytes();
}

Bytes KeyOfDue(UtcTime due, BytesView pending_key) {
  return ByteWriter().U64(Biased(due)).Raw(pending_key).bytes();
}

std::optional<PendingRow> DecodePending(BytesView payload) {
  ByteReader in(payload);
  PendingRow row;
  row.command = TakeArray<32>(in);
  row.message_code = in.U16();
  row.audit_index = in.U64();
  const std::uint8_t flags = in.U8();
  row.future_dated = (flags & kFutureDated) != 0;
  row.supplier = (flags & kSupplierCell) != 0;
  row.network_operator = (flags & kNetworkCell) != 0;
  row.due = Unbiased(in.U64());
  if (!in.Finished() || flags >= 2 * kNetworkCell) return {};
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
        if (last && row->audit_index <= last->audit_index) return true;
        last = *row;
        ByteReader name(key);
        name.Raw(prefix.size());
        last->originator = Eui64(name.U64());
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
