// The checkpoints of an export, those of its witnesses, and the one that the reviewer kept.
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "firmware/audit/note.h"
#include "tools/acb-verify/export_file.h"
#include "tools/acb-verify/findings.h"
#include "tools/acb-verify/manifest.h"
#include "tools/acb-verify/signed_tree.h"

namespace acb::verify {

// Every kept checkpoint: origin, signature, sizes that rise, cosignatures by `witnesses`, and that
// the last is the one that the manifest names. Gives those that are good. kConfiguration.
Result<std::vector<audit::Checkpoint>> CheckCheckpoints(
    const ExportFile& file, const Manifest& manifest, const audit::NoteKey& key,
    const std::vector<audit::NoteKey>& witnesses, Findings& findings);
// That each of them is of the same log as the tree.
void CheckRoots(const std::vector<audit::Checkpoint>& checkpoints, const SignedTree& tree,
                Findings& findings);
// A checkpoint that was seen before: by the same key, and the log only grew since. kConfiguration.
Status CheckSince(const std::filesystem::path& since, const Manifest& manifest,
                  const audit::NoteKey& key, const SignedTree* tree, Findings& findings);

}  // namespace acb::verify
