// What reports read of the store, page by page.
#include <algorithm>

#include "store/audit_log.h"
#include "store/audit_tree.h"
#include "store/core.h"
#include "store/feed_rows.h"
#include "store/reading.h"

namespace acb::store {
namespace {

template <class Row>
Result<std::vector<Row>> ReadTable(const Transaction& transaction, Table table, std::size_t most,
                                   std::optional<Row> (*decode)(BytesView, BytesView)) {
  std::vector<Row> rows;
  auto walked =
      transaction.Walk(table, {}, {}, [&](BytesView key, BytesView payload) -> Result<bool> {
        auto row = decode(key, payload);
        if (!row) return Damaged(table, key, "does not have the table's form");
        if (rows.size() == most) {
          return Failure(Reason::kStoreUnavailable, "table " + std::string(Name(table)) +
                                                        " has more than " + std::to_string(most) +
                                                        " rows: a report cannot hold them");
        }
        rows.push_back(*std::move(row));
        return true;
      });
  if (!walked) return std::move(walked).error();
  return rows;
}

Result<DevicePage> ReadDevicePage(const Transaction& transaction, Eui64 from, std::size_t devices) {
  devices = std::clamp<std::size_t>(devices, 1, Store::kMaxDevicePage);
  const auto fence = ReadSetting(transaction, Setting::kFence, DecodeFence);
  if (!fence) return fence.error();
  DevicePage page;
  auto walked = transaction.Walk(
      Table::kDevices, KeyOf(from), {}, [&](BytesView key, BytesView payload) -> Result<bool> {
        const Eui64 id(ByteReader(key).U64());
        if (page.devices.size() == devices) {
          page.next = id;
          return false;
        }
        auto device = DecodeDevice(id, payload);
        if (!device) return Damaged(Table::kDevices, key, "does not have the table's form");
        auto counters = FindCounters(transaction, id);
        if (!counters) return std::move(counters).error();
        if (!counters->has_value()) return Damaged(Table::kCounters, key, "is missing");
        device->last_issued = (*counters)->last_issued;
        if (Status current = BringUpToDate(**counters, *fence, id); !current) {
          return std::move(current).error();
        }
        device->supplier = (*counters)->supplier;
        device->network_operator = (*counters)->network_operator;
        page.devices.push_back(*std::move(device));
        return true;
      });
  if (!walked) return std::move(walked).error();
  return page;
}

}  // namespace

Result<LogHead> Store::ReadLogHead() const {
  const auto transaction = core_->Read();
  if (!transaction) return transaction.error();
  const auto size = AuditSizeOf(*transaction);
  if (!size) return size.error();
  const auto root = RootAt(*transaction, *size);
  if (!root) return root.error();
  return LogHead{*size, *root};
}

Result<DevicePage> Store::ListDevices(Eui64 from, std::size_t devices) const {
  const auto transaction = core_->Read();
  if (!transaction) return transaction.error();
  return ReadDevicePage(*transaction, from, devices);
}

Result<std::vector<PartyRecord>> Store::ListParties() const {
  const auto transaction = core_->Read();
  if (!transaction) return transaction.error();
  return ReadTable(*transaction, Table::kParties, kMaxPartiesRead, DecodeParty);
}

Result<std::vector<CalendarDay>> Store::ListWorkingDays() const {
  const auto transaction = core_->Read();
  if (!transaction) return transaction.error();
  return ReadTable(*transaction, Table::kCalendar, kMaxCalendarRead, DecodeCalendarDay);
}

}  // namespace acb::store
