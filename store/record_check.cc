// The check of all records that runs beside the service (design.md section 6): LMDB does not notice
// flipped bits, and a record that nobody asks for would keep them for years.
#include "store/core.h"

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

}  // namespace acb::store
