// Which devices still need a pair of ACB keys.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "firmware/keys/register.h"
#include "firmware/records.h"
#include "store/store.h"

namespace acb::acbctl {

// Cells of devices that are the ACB's. One whose device the box signs for with no pair in use can
// be handed over by nobody: its slot is dead once the pair is destroyed.
struct AcbCells {
  std::map<AcbKeyId, std::uint64_t> by_pair;
  std::uint64_t without_pair = 0;  // signed for with the oldest pair in use

  std::uint64_t Of(AcbKeyId pair) const;
};

// Walks all devices, with a line of progress on a terminal: seconds for a million. Fails as
// Store::ReadForExport.
Result<AcbCells> CountAcbCells(const store::Store& store);

// The pair of that generation, by its digital signing key; nothing when that is on no record.
std::optional<AcbKeyId> PairOf(const keys::Register& keys, std::uint32_t generation);

// For a record and the eye: "3 cells of devices hold this pair, 10 do not say which they hold".
std::string HoldersText(const AcbCells& cells, AcbKeyId pair);

}  // namespace acb::acbctl
