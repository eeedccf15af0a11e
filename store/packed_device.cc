#include "store/packed_device.h"

#include "store/rows.h"

namespace acb::store {

// The device's id, the size of its cells, its cells, and the rest: what the tables hold of it.
Bytes PackDevice(const Device& device) {
  const Bytes cells = EncodeCounters({0, 0, device.supplier, device.network_operator});
  ByteWriter out;
  out.U64(device.id.value()).U8(static_cast<std::uint8_t>(cells.size())).Raw(cells);
  out.Raw(EncodeDevice(device));
  return std::move(out).bytes();
}

std::optional<Device> UnpackDevice(BytesView octets) {
  ByteReader in(octets);
  const Eui64 id(in.U64());
  const std::size_t size = in.U8();
  const auto cells = DecodeCounters(in.Raw(size));
  auto device = DecodeDevice(id, in.rest());
  if (!in.ok() || !cells || !device) return {};
  device->supplier = cells->supplier;
  device->network_operator = cells->network_operator;
  return device;
}

}  // namespace acb::store
