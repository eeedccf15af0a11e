#include "tools/acbctl/key_holders.h"

#include "firmware/smki/key_identifier.h"
#include "tools/acbctl/progress.h"

namespace acb::acbctl {

std::uint64_t AcbCells::Of(AcbKeyId pair) const {
  const auto found = by_pair.find(pair);
  return found == by_pair.end() ? 0 : found->second;
}

Result<AcbCells> CountAcbCells(const store::Store& store) {
  AcbCells cells;
  std::uint64_t devices = 0;
  Progress progress("devices that hold a pair", Progress::Unit::kRows);
  Status walked = store.ReadForExport(
      [](const store::ExportHead&) -> Status { return Done{}; },
      [&](const store::ExportedCounters& device) -> Status {
        for (const CellState& cell : {device.supplier, device.network_operator}) {
          if (cell.holder != CellState::Holder::kAcb) continue;
          ++(cell.acb_key ? cells.by_pair[*cell.acb_key] : cells.without_pair);
        }
        progress.Show(++devices, 0);
        return Done{};
      });
  if (!walked) return std::move(walked).error();
  return cells;
}

std::optional<AcbKeyId> PairOf(const keys::Register& keys, std::uint32_t generation) {
  const keys::KeyRecord* signs = keys.Find(keys::LabelOf(keys::Role::kDigitalSigning, generation));
  if (signs == nullptr) return std::nullopt;
  const Bytes identifier = smki::KeyIdentifier(signs->point);
  return AcbKeyId{ByteReader(identifier).U64()};
}

std::string HoldersText(const AcbCells& cells, AcbKeyId pair) {
  return std::to_string(cells.Of(pair)) + " cells of devices hold this pair, " +
         std::to_string(cells.without_pair) + " do not say which they hold";
}

}  // namespace acb::acbctl
