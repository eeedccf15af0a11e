// The check of all records that runs beside the service (design.md section 6): LMDB does not notice
// flipped bits, and a record that nobody asks for would keep them for years.
#include <algorithm>

#include "store/audit_log.h"
#include "store/core.h"
#include "store/record.h"
#include "store/rows.h"

namespace acb::store {

Result<RecordsChecked> Store::CheckRecords(RecordPlace& place, std::size_t most) const {
  const auto transaction = core_->Read();
  if (!transaction) return transaction.error();
  RecordsChecked all;
  while (place.table < kTables.size() && all.records < most) {
    const auto checked = transaction->Check(kTables[place.table].table, place.after,
                                            most - all.records, all.damaged);
    if (!checked) return checked.error();
    all.records += checked->records;
    if (checked->last) {
      place.after = *checked->last;
    } else {
      place = {place.table + 1, {}};
    }
  }
  all.at_end = place.table == kTables.size();
  return all;
}

Status Store::CheckLog(LogPlace& place, std::size_t most) const {
  if (!place.end) place.end = anchored();
  if (!place.end) return Failure(Reason::kStoreUnavailable, "the store is not started");
  const auto transaction = core_->Read();
  if (!transaction) return transaction.error();
  const std::uint64_t count =
      std::min<std::uint64_t>({most, kMaxAuditRead, place.end->tree_size - place.next});
  const auto entries = ReadEntries(*transaction, place.next, count);
  if (!entries) return entries.error();
  const auto leaves = ReadLeafHashes(*transaction, place.next, count);
  if (!leaves) return leaves.error();
  if (entries->size() != count || leaves->size() != count) {
    return Damaged(Table::kAuditEntries,
                   KeyOf(place.next + std::min(entries->size(), leaves->size())), "is missing");
  }
  for (std::size_t i = 0; i < count; ++i, ++place.next) {
    const Sha256Digest leaf = audit::LeafHash((*entries)[i]);
    if (leaf != (*leaves)[i]) {
      return Damaged(Table::kAuditEntries, KeyOf(place.next), "does not hash to its leaf");
    }
    place.peaks.Add(0, leaf);
  }
  if (!place.at_end() || place.peaks.Root() == place.end->root) return Done{};
  return Failure(Reason::kRecordDamaged, {},
                 "the first " + std::to_string(place.end->tree_size) +
                     " entries of the audit log are not those of the anchor in the HSM");
}

std::optional<Failure> Store::stopped_reserving() const {
  if (Status may = core_->CheckMayReserve(); !may) return std::move(may).error();
  return {};
}

void Store::StopReserving(const Failure& why) {
  const std::lock_guard lock(core_->stopped_mutex);
  if (!core_->stopped_for) core_->stopped_for = why;
  core_->reserving_stopped = true;
}

}  // namespace acb::store
