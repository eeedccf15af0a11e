// Rows read from a transaction, decoded. Private to store/.
//
// Each fails with kRecordDamaged or kStoreUnavailable (transactions.h).
#pragma once

#include "store/record.h"
#include "store/rows.h"
#include "store/transactions.h"

namespace acb::store {

// Rows of one party, meter point or model, at most: the bound of a walk over one key prefix.
inline constexpr std::size_t kMaxRowsOfOne = 10'000;

// Decodes what Get found; a payload without the table's form is damage.
template <class Row>
Result<std::optional<Row>> DecodeFound(Table table, BytesView key,
                                       Result<std::optional<Bytes>> found,
                                       std::optional<Row> (*decode)(BytesView)) {
  if (!found) return std::move(found).error();
  if (!found->has_value()) return std::optional<Row>();
  auto row = decode(**found);
  if (!row) return Damaged(table, key, "does not have the table's form");
  return row;
}

template <class Row>
Result<std::optional<Row>> Find(const Transaction& transaction, Table table, BytesView key,
                                std::optional<Row> (*decode)(BytesView)) {
  return DecodeFound(table, key, transaction.Get(table, key), decode);
}

// Likewise where the key says a part of the row.
template <class Row>
Result<std::optional<Row>> FindByKey(const Transaction& transaction, Table table, BytesView key,
                                     std::optional<Row> (*decode)(BytesView, BytesView)) {
  const auto found = transaction.Get(table, key);
  if (!found) return found.error();
  if (!found->has_value()) return std::optional<Row>();
  auto row = decode(key, **found);
  if (!row) return Damaged(table, key, "does not have the table's form");
  return row;
}

// Settings are made with the store: a missing one is damage.
template <class Row>
Result<Row> ReadSetting(const Transaction& transaction, Setting setting,
                        std::optional<Row> (*decode)(BytesView)) {
  const Bytes key = KeyOf(setting);
  auto row = Find(transaction, Table::kSettings, key, decode);
  if (!row) return std::move(row).error();
  if (!row->has_value()) return Damaged(Table::kSettings, key, "is missing");
  return **std::move(row);
}

// Nothing when the device is not known. A device without its counters is damage, not a device whose
// counters start at zero (style.md, State).
Result<std::optional<CountersRow>> FindCounters(const Transaction& transaction, Eui64 device);
// The same brought to the raise of now (design.md section 4): what a device may have lost is added
// to last_issued, `raise` is that of the settings, and after a recovery that lost the log its cells
// are unknown until something newer is recorded. A job that writes a counters row begins with this
// one.
Result<std::optional<CountersRow>> FindCurrentCounters(const Transaction& transaction,
                                                       Eui64 device);
// The same for who has read the fence of this transaction.
Result<std::optional<CountersRow>> FindCurrentCounters(const Transaction& transaction, Eui64 device,
                                                       const Fence& fence);
// What FindCurrentCounters does to a row. kRecordDamaged: its raise is one of the future.
Status BringUpToDate(CountersRow& row, const Fence& fence, Eui64 device);
Result<std::optional<Device>> FindDeviceRow(const Transaction& transaction, Eui64 device);
Result<std::optional<RequestRow>> FindRequestRow(const Transaction& transaction,
                                                 const RequestId& request);
Result<std::optional<LastImport>> FindLastImportRow(const Transaction& transaction, Feed feed);

}  // namespace acb::store
