// A closed store's records as LMDB sees them, to damage them with.
#pragma once

#include <lmdb.h>

#include <filesystem>
#include <utility>
#include <vector>

#include "firmware/base/bytes.h"
#include "store/tables.h"
#include "tests/store/store_fixture.h"

namespace acb::store {

using RawRecord = std::pair<Bytes, Bytes>;  // key, value with its seal

class RawStore {
 public:
  explicit RawStore(const std::filesystem::path& directory) {
    EXPECT_EQ(mdb_env_create(&environment_), 0);
    EXPECT_EQ(mdb_env_set_maxdbs(environment_, kTables.size()), 0);
    EXPECT_EQ(mdb_env_set_mapsize(environment_, kTestMap), 0);
    EXPECT_EQ(mdb_env_open(environment_, directory.c_str(), 0, 0600), 0);
  }
  ~RawStore() { mdb_env_close(environment_); }
  RawStore(const RawStore&) = delete;
  RawStore& operator=(const RawStore&) = delete;

  std::vector<RawRecord> List(Table table) {
    std::vector<RawRecord> records;
    In(table, [&](MDB_txn* transaction, MDB_dbi dbi) {
      MDB_cursor* cursor = nullptr;
      EXPECT_EQ(mdb_cursor_open(transaction, dbi, &cursor), 0);
      MDB_val key{};
      MDB_val value{};
      while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
        records.emplace_back(FromValue(key), FromValue(value));
      }
      mdb_cursor_close(cursor);
    });
    return records;
  }
  void Put(Table table, const RawRecord& record) {
    In(table, [&](MDB_txn* transaction, MDB_dbi dbi) {
      MDB_val key = ToValue(record.first);
      MDB_val value = ToValue(record.second);
      EXPECT_EQ(mdb_put(transaction, dbi, &key, &value, 0), 0);
    });
  }
  void Delete(Table table, const Bytes& name) {
    In(table, [&](MDB_txn* transaction, MDB_dbi dbi) {
      MDB_val key = ToValue(name);
      EXPECT_EQ(mdb_del(transaction, dbi, &key, nullptr), 0);
    });
  }

 private:
  static MDB_val ToValue(const Bytes& bytes) {
    return {bytes.size(), const_cast<std::uint8_t*>(bytes.data())};
  }
  static Bytes FromValue(const MDB_val& value) {
    return ToBytes({static_cast<const std::uint8_t*>(value.mv_data), value.mv_size});
  }
  template <class Work>
  void In(Table table, const Work& work) {
    MDB_txn* transaction = nullptr;
    MDB_dbi dbi = 0;
    ASSERT_EQ(mdb_txn_begin(environment_, nullptr, 0, &transaction), 0);
    ASSERT_EQ(mdb_dbi_open(transaction, kTables[IndexOf(table)].name, 0, &dbi), 0);
    work(transaction, dbi);
    ASSERT_EQ(mdb_txn_commit(transaction), 0);
  }

  MDB_env* environment_ = nullptr;
};

}  // namespace acb::store
