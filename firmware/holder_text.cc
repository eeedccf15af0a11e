#include "firmware/holder_text.h"

namespace acb {

std::string HolderText(const CellState& cell) {
  switch (cell.holder) {
    case CellState::Holder::kUnknown:
      return "unknown";
    case CellState::Holder::kAcb:
      return "acb";
    case CellState::Holder::kParty:
      return cell.party.Hyphenated();
  }
  return {};
}

}  // namespace acb
