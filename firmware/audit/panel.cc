#include "firmware/audit/panel.h"

#include <algorithm>
#include <array>

namespace acb::audit {

bool IsWithheldFromPanel(std::string_view kind, bool has_operators, bool has_explanation) {
  constexpr std::array<std::string_view, 6> kKinds = {"operator",      "ceremony", "provision",
                                                      "configuration", "export",   "start"};
  return has_operators || has_explanation || std::ranges::find(kKinds, kind) != kKinds.end();
}

}  // namespace acb::audit
