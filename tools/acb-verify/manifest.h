// manifest.json and manifest.sig of an export, and the key they are signed with.
#pragma once

#include <optional>
#include <string>

#include "firmware/audit/note.h"
#include "tools/acb-verify/entries.h"
#include "tools/acb-verify/export_file.h"
#include "tools/acb-verify/findings.h"

namespace acb::verify {

struct Manifest {
  std::string origin;
  std::string redaction;
  Range range;
  std::string to;  // where the range was asked to end: an index, a time or a date; empty: open
  std::uint64_t tree_size = 0;
  Sha256Digest root{};
};

// Nothing when there is no manifest that can be read: then only what the entries say of themselves
// can be looked at. Every file of the container is held against it. kConfiguration.
Result<std::optional<Manifest>> ReadManifest(const ExportFile& file, Findings& findings);

// The checkpoint key's SubjectPublicKeyInfo that came with the export. kMalformed.
Result<Bytes> KeyInExport(const ExportFile& file);
// The signature of the manifest.
void CheckManifestSignature(const ExportFile& file, const audit::NoteKey& key, Findings& findings);

}  // namespace acb::verify
