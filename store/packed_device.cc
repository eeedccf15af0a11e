#include "store/packed_device.h"

#include "store/record.h"
#include "store/rows.h"

namespace acb::store {
namespace {

constexpr std::size_t kKeyOctets = 8;

}  // namespace

// The device's id, the size of its cells, its cells, and its sealed record.
Bytes PackDevice(const Device& device) {
  constexpr std::size_t kUsualOctets = 256;
  Bytes room;
  room.reserve(kUsualOctets);
  ByteWriter out(std::move(room));
  out.U64(device.id.value()).U8(0);
  const std::size_t cells = out.size();
  PutCounters(out, {0, 0, device.supplier, device.network_operator});
  const std::size_t record = out.size();
  PutDevice(out.U8(kRecordVersion), device);
  const BytesView written(out.bytes());
  out.U32(CheckValue(Table::kDevices, written.first(kKeyOctets), written.subspan(record)));
  Bytes packed = std::move(out).bytes();
  packed[kKeyOctets] = static_cast<std::uint8_t>(record - cells);
  return packed;
}

std::optional<UnpackedDevice> UnpackDevice(BytesView octets) {
  ByteReader in(octets);
  const BytesView key = in.Raw(kKeyOctets);
  const std::size_t size = in.U8();
  const auto cells = DecodeCounters(in.Raw(size));
  const BytesView record = in.rest();
  if (!in.ok() || !cells) return {};
  const auto payload = Unseal(Table::kDevices, key, record);
  if (!payload) return {};
  auto device = DecodeDevice(Eui64(ByteReader(key).U64()), *payload);
  if (!device) return {};
  device->supplier = cells->supplier;
  device->network_operator = cells->network_operator;
  return UnpackedDevice{*std::move(device), record};
}

}  // namespace acb::store
