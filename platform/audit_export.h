// An export of the audit log: one file that a reviewer takes home (design.md section 7).
#pragma once

#include <optional>
#include <string>

#include "firmware/audit/note.h"
#include "platform/export_spool.h"
#include "store/store.h"

namespace acb::platform {

enum class Redaction { kSsc, kPanel };
std::string_view Name(Redaction redaction);

// Entries first .. end-1, and the checkpoint that covers them: the first kept one of `end` entries
// or more, so that the same closed range gives the same octets.
struct ExportRange {
  std::uint64_t first = 0;
  std::uint64_t end = 0;
  std::string from;  // as asked for; empty: open
  std::string to;
  audit::Checkpoint covering;
};

struct ExportKeys {
  audit::NoteKey checkpoint;
  Bytes checkpoint_spki;
  // 64 octets over a text (audit::SignatureBy). Blocks for the HSM.
  std::function<Result<Bytes>(std::string_view text)> sign;
};

// The least range of the first `size` entries that has all whose time is in [from, to) begins at
// the first and ends at the second. An entry has the time at which its decision began and the index
// at which it was written, so times fall now and then, and by hours where the clock was set back:
// the range has then others too. Both read the entries outside it, and block for that; kBusy when
// the store stops.
//
// Index of the first entry whose time is `at` or later; `size` when there is none.
Result<std::uint64_t> FirstEntryAt(const store::Store& store, std::uint64_t size, UtcTime at);
// Index behind the last entry whose time is before `at`; 0 when there is none.
Result<std::uint64_t> EndOfEntriesBefore(const store::Store& store, std::uint64_t size, UtcTime at);

// Writes the whole container but its end, and gives the SHA-256 of the manifest. In constant memory
// but for what was in force (certificates, lists) and a line for each tile. Reads the store in
// pieces: entries never change. Blocks for all of it. Fails as the store and the spool do, with
// kHsmUnavailable, or kTooLarge.
Result<Sha256Digest> WriteExport(const store::Store& store, const ExportRange& range,
                                 Redaction redaction, const ExportKeys& keys, ExportSpool& spool);

}  // namespace acb::platform
