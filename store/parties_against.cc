#include "store/parties_against.h"

#include "store/feed_rows.h"
#include "store/reading.h"

namespace acb::store {
namespace {

bool SpeaksAgainst(const PartyRecord& row) { return row.Bars() || row.notice_to_cease.has_value(); }

Result<std::vector<PartyRecord>> ReadAll(const Transaction& transaction) {
  std::vector<PartyRecord> rows;
  auto walked = transaction.Walk(
      Table::kParties, {}, {}, [&](BytesView key, BytesView payload) -> Result<bool> {
        auto row = DecodeParty(key, payload);
        if (!row) return Damaged(Table::kParties, key, "does not have the table's form");
        if (SpeaksAgainst(*row)) rows.push_back(*std::move(row));
        return true;
      });
  if (!walked) return std::move(walked).error();
  return rows;
}

}  // namespace

Result<std::shared_ptr<const PartiesAgainst::Rows>> PartiesAgainst::AsOf(
    const Transaction& transaction) {
  const auto import = FindLastImportRow(transaction, Feed::kParties);
  if (!import) return import.error();
  // Without an import the table is empty.
  if (!import->has_value()) return std::make_shared<const Rows>();
  {
    const std::lock_guard lock(mutex_);
    if (rows_ && import_ == (*import)->audit_index) return rows_;
  }
  auto read = ReadAll(transaction);
  if (!read) return std::move(read).error();
  auto rows = std::make_shared<const Rows>(*std::move(read));
  const std::lock_guard lock(mutex_);
  import_ = (*import)->audit_index;
  rows_ = rows;
  return rows;
}

Result<std::vector<PartyRecord>> PartiesAgainst::Find(const Transaction& transaction,
                                                      std::string_view party) {
  const auto rows = AsOf(transaction);
  if (!rows) return rows.error();
  std::vector<PartyRecord> found;
  for (const PartyRecord& row : **rows) {
    if (row.party == party) found.push_back(row);
  }
  return found;
}

}  // namespace acb::store
