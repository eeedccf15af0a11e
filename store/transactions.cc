#include "store/transactions.h"

#include <algorithm>
#include <string>

#include "store/record.h"

namespace acb::store {
namespace {

using Cursor = Handle<MDB_cursor, mdb_cursor_close>;

// LMDB takes void* where it only reads.
MDB_val ToValue(BytesView bytes) { return {bytes.size(), const_cast<std::uint8_t*>(bytes.data())}; }
BytesView FromValue(const MDB_val& value) {
  return {static_cast<const std::uint8_t*>(value.mv_data), value.mv_size};
}

bool StartsWith(BytesView text, BytesView prefix) {
  return text.size() >= prefix.size() && Equal(text.first(prefix.size()), prefix);
}

Result<Cursor> OpenCursor(MDB_txn* transaction, MDB_dbi dbi) {
  MDB_cursor* cursor = nullptr;
  if (const int code = mdb_cursor_open(transaction, dbi, &cursor)) {
    return LmdbFailure(code, "mdb_cursor_open");
  }
  return Cursor(cursor);
}

Result<MDB_txn*> BeginHandle(const LmdbEnvironment& environment, unsigned flags) {
  MDB_txn* transaction = nullptr;
  if (const int code = mdb_txn_begin(environment.handle(), nullptr, flags, &transaction)) {
    return LmdbFailure(code, "mdb_txn_begin");
  }
  return transaction;
}

}  // namespace

Result<std::optional<Bytes>> Transaction::Get(Table table, BytesView key) const {
  MDB_val wanted = ToValue(key);
  MDB_val value{};
  const int code = mdb_get(transaction_.get(), environment_->dbi(table), &wanted, &value);
  if (code == MDB_NOTFOUND) return std::optional<Bytes>();
  if (code != MDB_SUCCESS) return LmdbFailure(code, Name(table));
  auto payload = Unseal(table, key, FromValue(value));
  if (!payload) return std::move(payload).error();
  return std::optional<Bytes>(ToBytes(*payload));
}

Result<std::optional<Transaction::Row>> Transaction::Last(Table table) const {
  auto cursor = OpenCursor(transaction_.get(), environment_->dbi(table));
  if (!cursor) return std::move(cursor).error();
  MDB_val key{};
  MDB_val value{};
  const int code = mdb_cursor_get(cursor->get(), &key, &value, MDB_LAST);
  if (code == MDB_NOTFOUND) return std::optional<Row>();
  if (code != MDB_SUCCESS) return LmdbFailure(code, Name(table));
  auto payload = Unseal(table, FromValue(key), FromValue(value));
  if (!payload) return std::move(payload).error();
  return std::optional<Row>(Row{ToBytes(FromValue(key)), ToBytes(*payload)});
}

Status Transaction::Walk(Table table, BytesView from, BytesView prefix,
                         const Visitor& visit) const {
  auto cursor = OpenCursor(transaction_.get(), environment_->dbi(table));
  if (!cursor) return std::move(cursor).error();
  MDB_val key = ToValue(from);
  MDB_val value{};
  // MDB_SET_RANGE refuses the empty key.
  int code = mdb_cursor_get(cursor->get(), &key, &value, from.empty() ? MDB_FIRST : MDB_SET_RANGE);
  ReadAhead ahead(*environment_);
  for (; code == MDB_SUCCESS; code = mdb_cursor_get(cursor->get(), &key, &value, MDB_NEXT)) {
    if (!StartsWith(FromValue(key), prefix)) return Done{};
    ahead.At(value.mv_data);
    auto payload = Unseal(table, FromValue(key), FromValue(value));
    if (!payload) return std::move(payload).error();
    auto more = visit(FromValue(key), *payload);
    if (!more) return std::move(more).error();
    if (!*more) return Done{};
  }
  if (code != MDB_NOTFOUND) return LmdbFailure(code, Name(table));
  return Done{};
}

Result<std::uint64_t> Transaction::Count(Table table) const {
  MDB_stat status{};
  if (const int code = mdb_stat(transaction_.get(), environment_->dbi(table), &status)) {
    return LmdbFailure(code, "mdb_stat");
  }
  return std::uint64_t{status.ms_entries};
}

Result<Transaction::Checked> Transaction::Check(Table table, BytesView after, std::size_t most,
                                                std::vector<Failure>& damaged) const {
  auto cursor = OpenCursor(transaction_.get(), environment_->dbi(table));
  if (!cursor) return std::move(cursor).error();
  MDB_val key = ToValue(after);
  MDB_val value{};
  // MDB_SET_RANGE refuses the empty key, and gives the record of `after` itself if it is still
  // there.
  int code = mdb_cursor_get(cursor->get(), &key, &value, after.empty() ? MDB_FIRST : MDB_SET_RANGE);
  if (code == MDB_SUCCESS && !after.empty() && Equal(FromValue(key), after)) {
    code = mdb_cursor_get(cursor->get(), &key, &value, MDB_NEXT);
  }
  Checked checked;
  ReadAhead ahead(*environment_);
  for (; code == MDB_SUCCESS; code = mdb_cursor_get(cursor->get(), &key, &value, MDB_NEXT)) {
    ++checked.records;
    ahead.At(value.mv_data);
    auto payload = Unseal(table, FromValue(key), FromValue(value));
    if (!payload) damaged.push_back(std::move(payload).error());
    if (checked.records < most) continue;
    checked.last = ToBytes(FromValue(key));
    return checked;
  }
  if (code != MDB_NOTFOUND) return LmdbFailure(code, Name(table));
  return checked;
}

Result<ReadTransaction> ReadTransaction::Begin(std::shared_ptr<const LmdbEnvironment> environment) {
  auto handle = BeginHandle(*environment, MDB_RDONLY);
  if (!handle) return std::move(handle).error();
  return ReadTransaction(std::move(environment), *handle);
}

Result<WriteTransaction> WriteTransaction::Begin(
    std::shared_ptr<const LmdbEnvironment> environment) {
  auto handle = BeginHandle(*environment, 0);
  if (!handle) return std::move(handle).error();
  return WriteTransaction(std::move(environment), *handle);
}

Status WriteTransaction::Wrote(int code, std::string_view doing) {
  ++writes_;
  if (code == MDB_SUCCESS) return Done{};
  broken_ = true;
  if (code != MDB_MAP_FULL) return LmdbFailure(code, doing);
  return Failure(Reason::kStoreUnavailable, {},
                 "the store's map of " + std::to_string(environment_->map_size()) +
                     " octets is full: raise [store] map_size_gib and restart");
}

Status WriteTransaction::PutWith(unsigned flags, Table table, BytesView key, BytesView payload) {
  const Bytes sealed = Seal(table, key, payload);
  MDB_val name = ToValue(key);
  MDB_val value = ToValue(sealed);
  return Wrote(mdb_put(transaction_.get(), environment_->dbi(table), &name, &value, flags),
               Name(table));
}

Status WriteTransaction::Put(Table table, BytesView key, BytesView payload) {
  return PutWith(0, table, key, payload);
}

Status WriteTransaction::Append(Table table, BytesView key, BytesView payload) {
  return PutWith(MDB_APPEND, table, key, payload);
}

Status WriteTransaction::Delete(Table table, BytesView key) {
  MDB_val name = ToValue(key);
  return Wrote(mdb_del(transaction_.get(), environment_->dbi(table), &name, nullptr), Name(table));
}

Status WriteTransaction::Commit() && {
  // release() comes first: LMDB frees the handle whether or not the commit succeeds (lmdb.h).
  if (const int code = environment_->commit()(transaction_.release()); code != MDB_SUCCESS) {
    return Failure(Reason::kStoreInDoubt, {},
                   std::string("commit and flush: ") + mdb_strerror(code) +
                       "; not tried again: restart to read what the disk holds");
  }
  return Done{};
}

Result<SortedRows> SortedRows::Open(WriteTransaction& transaction, Table table) {
  auto cursor = OpenCursor(transaction.transaction_.get(), transaction.environment_->dbi(table));
  if (!cursor) return std::move(cursor).error();
  SortedRows rows(transaction, table, cursor->release());
  MDB_val key{};
  MDB_val value{};
  const int code = mdb_cursor_get(rows.cursor_.get(), &key, &value, MDB_LAST);
  if (code != MDB_SUCCESS && code != MDB_NOTFOUND) return LmdbFailure(code, Name(table));
  if (code == MDB_SUCCESS) rows.last_ = ToBytes(FromValue(key));
  return rows;
}

bool SortedRows::IsBeyond(BytesView key) const {
  return std::ranges::lexicographical_compare(last_, key);
}

Result<std::optional<Bytes>> SortedRows::Get(BytesView key) {
  if (IsBeyond(key)) return std::optional<Bytes>();
  MDB_val wanted = ToValue(key);
  MDB_val value{};
  const int code = mdb_cursor_get(cursor_.get(), &wanted, &value, MDB_SET_KEY);
  if (code == MDB_NOTFOUND) return std::optional<Bytes>();
  if (code != MDB_SUCCESS) return LmdbFailure(code, Name(table_));
  ahead_.At(value.mv_data);
  const auto payload = Unseal(table_, key, FromValue(value));
  if (!payload) return payload.error();
  return std::optional<Bytes>(ToBytes(*payload));
}

Status SortedRows::Put(BytesView key, BytesView payload) {
  sealed_.resize(payload.size() + kRecordOverhead);
  SealInto(table_, key, payload, sealed_);
  return PutSealed(key, sealed_);
}

Status SortedRows::PutSealed(BytesView key, BytesView record) {
  MDB_val name = ToValue(key);
  MDB_val value = ToValue(record);
  const bool beyond = IsBeyond(key);
  const unsigned flags = beyond ? MDB_APPEND : 0;
  const int code = mdb_cursor_put(cursor_.get(), &name, &value, flags);
  if (code == MDB_SUCCESS && beyond) last_.assign(key.begin(), key.end());
  return transaction_->Wrote(code, Name(table_));
}

}  // namespace acb::store
