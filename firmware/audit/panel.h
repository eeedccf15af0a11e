// What of the log the Panel does not see (requirements.md section 3, item 28; R-SEC3-54,
// R-SEC3-69).
#pragma once

#include <string_view>

namespace acb::audit {

// An entry of which a panel export holds the leaf alone: of operators and their acts, of the box's
// insides, and free text that is not sealed. Such an entry has a salt (Entry::Serialise): its leaf
// alone would let a reader try who did it, and when. Thread-safe.
bool IsWithheldFromPanel(std::string_view kind, bool has_operators, bool has_explanation);

}  // namespace acb::audit
