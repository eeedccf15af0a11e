// P9: what imports brought and a disk took with it decides nothing by its absence.
#pragma once

#include <optional>

#include "firmware/base/result.h"
#include "firmware/records.h"

namespace acb {

// `import`: the newest that the store has of the feed. kFeedStale when it knows, from the log that
// a recovery took in, that a later one went with the disk; until that one is imported again.
Status CheckNotLost(const std::optional<LastImport>& import, Feed feed);

}  // namespace acb
