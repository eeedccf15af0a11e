// Who holds a role's cells, in one word: in the log and in reports.
#pragma once

#include <string>

#include "firmware/records.h"

namespace acb {

// "unknown", "acb", or the party's EUI-64 with hyphens.
std::string HolderText(const CellState& cell);

}  // namespace acb
