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

// What the entries are held against.
struct Against {
  const SignedTree* tree = nullptr;
  bool tree_is_signed = false;    // a checkpoint has its root, and its tiles come to it
  TrustHistory* trust = nullptr;  // null: the export has none, and no command is verified
  bool recovered = false;         // the reviewer knows of a recovery
};

// Reads entries.ndjson, disclosures.ndjson and evidence.ndjson side by side, in memory for one
// entry, one tile and what Counters and RequestIds hold. kConfiguration: the file cannot be read;
// all else is in the findings.
Status CheckEntries(const ExportFile& file, const Range& range, const Against& against,
                    Findings& findings,
                    const std::function<void(std::uint64_t, std::uint64_t)>& progress);

}  // namespace acb::verify
