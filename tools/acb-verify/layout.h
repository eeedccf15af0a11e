// Which files an export has, and in which order.
#pragma once

#include "tools/acb-verify/export_file.h"
#include "tools/acb-verify/findings.h"
#include "tools/acb-verify/manifest.h"

namespace acb::verify {

// The files are those that an export of this range and tree has, each at its place: none is
// missing, and none is there that nothing is held against. The first that is not is in the
// findings.
void CheckLayout(const ExportFile& file, const Manifest& manifest, Findings& findings);

// Whether the container has room for the tiles above level 0 of a tree of `size` entries. Of one
// that names a larger tree nothing needs to be held in memory.
bool HasRoomForTiles(const ExportFile& file, std::uint64_t size);

}  // namespace acb::verify
