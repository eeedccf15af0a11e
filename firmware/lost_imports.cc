#include "firmware/lost_imports.h"

#include <string>

namespace acb {

Status CheckNotLost(const std::optional<LastImport>& import, Feed feed) {
  if (!import || !import->lost) return Done{};
  return Failure(Reason::kFeedStale,
                 "imports of feed " + std::string(Name(feed)) +
                     " were lost with the disk, as the recovered log says: import each of them "
                     "again, in their order");
}

}  // namespace acb
