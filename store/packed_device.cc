#include "store/packed_device.h"

#include "store/record.h"
#include "store/rows.h"

namespace acb::store {

// The device's id, the size of its cells, its cells, and its sealed record.
Bytes PackDevice(const Device& device) {
  const Bytes key = KeyOf(device.id);
  const Bytes cells = EncodeCounters({0, 0, device.supplier, device.network_operator});
  const Bytes payload = EncodeDevice(device);
  const std::size_t before = key.size() + 1 + cells.size();
  Bytes packed;
  packed.reserve(before + payload.size() + kRecordOverhead);
  packed.insert(packed.end(), key.begin(), key.end());
  packed.push_back(static_cast<std::uint8_t>(cells.size()));
  packed.insert(packed.end(), cells.begin(), cells.end());
  packed.resize(before + payload.size() + kRecordOverhead);
  SealInto(Table::kDevices, key, payload, std::span(packed).subspan(before));
  return packed;
}

std::optional<UnpackedDevice> UnpackDevice(BytesView octets) {
  constexpr std::size_t kKeyOctets = 8;
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
