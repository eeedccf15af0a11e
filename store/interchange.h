// Counters handed from one box to another (design.md section 4, "Export, import"). Private to
// store/.
#pragma once

#include "store/store.h"
#include "store/transactions.h"

namespace acb::store {

// Store::AgreeToExport: one job of the writer.
Result<Exporting> AgreeOnExport(WriteTransaction& transaction, const ExportWish& wish,
                                Environment environment);

// Store::ReadForExport.
Status ReadExport(const Transaction& transaction,
                  const std::function<Status(const ExportHead&)>& begin,
                  const std::function<Status(const ExportedCounters&)>& row);

// Store::ImportCounters: a job of the writer that runs alone.
Result<CountersImport> AgreeOnImport(WriteTransaction& transaction, const ImportWish& wish,
                                     const CountersSource& next, const OpenSettings& settings,
                                     Environment environment);

}  // namespace acb::store
