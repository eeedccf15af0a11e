// The entries of an export, one after the other: each for itself, against the tree, and against
// what came with it.
#pragma once

#include <functional>
#include <string>

#include "tools/acb-verify/export_file.h"
#include "tools/acb-verify/findings.h"
#include "tools/acb-verify/signed_tree.h"
#include "tools/acb-verify/trust_history.h"

namespace acb::verify {

// What the manifest says of the entries.
struct Range {
  std::uint64_t first = 0;
  std::uint64_t end = 0;
  std::string environment;
  bool panel = false;
};

// Reads entries.ndjson, disclosures.ndjson and evidence.ndjson side by side, in memory for one
// entry, one tile and what Counters holds. `tree` null: there is none to hold them against.
// `trust` null: the export has none, and no command is verified. kConfiguration: the file cannot be
// read; all else is in the findings.
Status CheckEntries(const ExportFile& file, const Range& range, const SignedTree* tree,
                    TrustHistory* trust, Findings& findings,
                    const std::function<void(std::uint64_t, std::uint64_t)>& progress);

}  // namespace acb::verify
