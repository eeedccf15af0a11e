// Transactions, one type per state of the handle. Private to store/.
//
// Values are handed out without their seal: every read verifies the check value (record.h).
#pragma once

#include <lmdb.h>

#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "firmware/base/bytes.h"
#include "firmware/base/handle.h"
#include "firmware/base/result.h"
#include "store/environment.h"

namespace acb::store {

// What reading and writing transactions have in common. One thread at a time.
//
// Fails with kRecordDamaged, or with kStoreUnavailable and LMDB's words for the operator.
class Transaction {
 public:
  struct Row {
    Bytes key;
    Bytes payload;
  };
  // Called with each row; true to go on.
  using Visitor = std::function<Result<bool>(BytesView key, BytesView payload)>;

  // A copy: it survives the next write and the end of the transaction.
  Result<std::optional<Bytes>> Get(Table table, BytesView key) const;
  // The row of the greatest key.
  Result<std::optional<Row>> Last(Table table) const;
  // In order of key, from the first that is not less than `from` to the last that starts with
  // `prefix`. The visitor ends the walk; it must not write.
  Status Walk(Table table, BytesView from, BytesView prefix, const Visitor& visit) const;
  Result<std::uint64_t> Count(Table table) const;

  struct Checked {
    std::uint64_t records = 0;
    std::optional<Bytes> last;  // key; nothing: the table has no more
  };
  // In order of key, behind `after` (empty: from the first): the check values of at most `most`
  // records. Those that are wrong are added to `damaged`.
  Result<Checked> Check(Table table, BytesView after, std::size_t most,
                        std::vector<Failure>& damaged) const;

 protected:
  Transaction(std::shared_ptr<const LmdbEnvironment> environment, MDB_txn* transaction)
      : environment_(std::move(environment)), transaction_(transaction) {}

  // Destroyed before the environment they belong to: members are destroyed last to first.
  std::shared_ptr<const LmdbEnvironment> environment_;
  Handle<MDB_txn, mdb_txn_abort> transaction_;
};

class ReadTransaction : public Transaction {
 public:
  static Result<ReadTransaction> Begin(std::shared_ptr<const LmdbEnvironment> environment);

 private:
  using Transaction::Transaction;
};

// At most one at a time: the writer's thread makes them (writer.h). Without Commit nothing was
// written.
class WriteTransaction : public Transaction {
 public:
  static Result<WriteTransaction> Begin(std::shared_ptr<const LmdbEnvironment> environment);

  // Sealed on the way.
  Status Put(Table table, BytesView key, BytesView payload);
  // The key is greater than every one in the table: pages are filled to the last octet, where Put
  // leaves one row on a page that has room for two. Another key is kStoreUnavailable.
  Status Append(Table table, BytesView key, BytesView payload);
  // The row must be there.
  Status Delete(Table table, BytesView key);

  // Commits and flushes.
  // Fails with kStoreInDoubt: the writes may or may not be on the disk.
  Status Commit() &&;

  std::uint64_t writes() const { return writes_; }  // done or tried
  // A write failed: LMDB takes no more, and the transaction can only be dropped.
  bool broken() const { return broken_; }
  // What the writer's anchor needs to know of the jobs (design.md section 4, "Outstanding").
  // `last_issued` of a device, brought to the raise of now, went up by this much.
  void NoteMove(std::uint64_t distance) {
    moved_ = distance > kMaxMoved - moved_ ? kMaxMoved : moved_ + distance;
  }
  // An entry was appended to the log: an anchor is due in time.
  void NoteEntry() { ++entries_; }
  // One of kind `alarm`.
  void NoteAlarm() { ++alarms_; }
  // What this job wrote must be anchored before its caller is told: a recorded floor, a cell that
  // becomes the ACB's, an import, a raise, an operator's act, an export.
  void DemandAnchor() { anchor_demanded_ = true; }
  std::uint64_t moved() const { return moved_; }
  std::uint64_t entries() const { return entries_; }
  std::uint64_t alarms() const { return alarms_; }
  // Whether it was demanded since this was asked last: the writer asks after each job.
  bool TakeAnchorDemand() { return std::exchange(anchor_demanded_, false); }

  // For a job that reads or writes a great part of the store (environment.h).
  void LetGoOfPages() const { environment_->LetGoOfPages(); }

 private:
  friend class SortedRows;
  using Transaction::Transaction;
  Status PutWith(unsigned flags, Table table, BytesView key, BytesView payload);
  Status Wrote(int code, std::string_view doing);

  static constexpr std::uint64_t kMaxMoved = ~std::uint64_t{0};
  std::uint64_t moved_ = 0;  // stays at its greatest value instead of wrapping
  std::uint64_t entries_ = 0;
  std::uint64_t alarms_ = 0;
  bool anchor_demanded_ = false;
  std::uint64_t writes_ = 0;
  bool broken_ = false;
};

// One table read and written row by row, in order of key, as an import of millions of rows does: a
// row near the last one is found without a walk from the root, and what is beyond the table's end
// is appended to full pages. In another order it does the same, slower. While it lives nobody else
// may add a row beyond the table's last. It ends before its transaction.
class SortedRows {
 public:
  // Failures are those of Transaction.
  static Result<SortedRows> Open(WriteTransaction& transaction, Table table);

  // The payload, a copy.
  Result<std::optional<Bytes>> Get(BytesView key);
  Status Put(BytesView key, BytesView payload);
  // `record` is what Seal made of key and payload, and the caller has unsealed it since.
  Status PutSealed(BytesView key, BytesView record);

 private:
  SortedRows(WriteTransaction& transaction, Table table, MDB_cursor* cursor)
      : transaction_(&transaction),
        table_(table),
        cursor_(cursor),
        ahead_(*transaction.environment_) {}
  // Whether the key is greater than every one in the table.
  bool IsBeyond(BytesView key) const;

  WriteTransaction* transaction_;
  Table table_;
  Handle<MDB_cursor, mdb_cursor_close> cursor_;
  ReadAhead ahead_;
  Bytes last_;  // the table's greatest key; empty when it has no row
  Bytes sealed_;
};

}  // namespace acb::store
