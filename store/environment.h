// The LMDB environment: one data file, one process. Private to store/.
#pragma once

#include <lmdb.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <utility>

#include "firmware/base/descriptor.h"
#include "firmware/base/handle.h"
#include "firmware/base/result.h"
#include "store/tables.h"

namespace acb::store {

inline constexpr const char* kDataFile = "data.mdb";    // LMDB's name
inline constexpr const char* kLockFile = "store.lock";  // ours: flock, one process
inline constexpr unsigned kMaxReaders = 512;            // read transactions at one time

// An operator whose box says no at its start has to know what leads out of it. What is left of the
// store is moved and not removed: a recovery may want its log.
inline constexpr std::string_view kWayOut =
    ": put it back; or move away what is left, 'acbctl restore' a backup and 'acbctl recover'; a "
    "new box is made by 'acbctl provision'";

// What ends a write transaction: mdb_txn_commit, or in tests a function that fails, having kept the
// writes or lost them. Takes the handle over, as mdb_txn_commit does.
using CommitFunction = std::function<int(MDB_txn*)>;

// Thread-safe once made.
class LmdbEnvironment {
 public:
  // Makes `directory` (0700) with an empty store in it, and brings both to the disk. For
  // provisioning. Fails with kStoreUnavailable: it exists and is not empty, or an operating system
  // error.
  static Status Create(const std::filesystem::path& directory);

  // Opens what Create made and nothing else. `map_size` octets of address space: the store cannot
  // grow beyond it. Fails with
  //   kStoreMissing      no directory, no file, a table missing.
  //   kStoreUnavailable  another process has it, or an operating system error.
  //   kRecordDamaged     LMDB does not know the file, or it is shorter than it says.
  static Result<std::shared_ptr<LmdbEnvironment>> Open(const std::filesystem::path& directory,
                                                       std::uint64_t map_size,
                                                       CommitFunction commit);

  MDB_env* handle() const { return environment_.get(); }
  MDB_dbi dbi(Table table) const { return tables_[IndexOf(table)]; }
  const CommitFunction& commit() const { return commit_; }
  std::uint64_t map_size() const;
  std::uint64_t used() const;  // octets of the map that hold pages
  // Of the newest commit, as the file says: one more with each commit that wrote.
  std::uint64_t last_commit() const;
  // kStoreMissing: the path is not the opened file any more, which will be gone with this process.
  Status CheckInPlace() const;
  // The map's pages go out of this process's memory and come back when they are read; what they
  // hold does not change. For who has read much of the store and goes on.
  void LetGoOfPages() const;
  // Asks the disk for what lies there, and does not wait for it: an address in the map, any other
  // asks for nothing.
  void WillNeed(const void* from, std::size_t octets) const;
  void WillNeedAt(std::uint64_t offset, std::size_t octets) const;  // of the data file

 private:
  using Environment = Handle<MDB_env, mdb_env_close>;

  LmdbEnvironment(Descriptor lock, Environment environment, CommitFunction commit)
      : lock_(std::move(lock)), environment_(std::move(environment)), commit_(std::move(commit)) {}
  static Result<Environment> OpenFile(const std::filesystem::path& directory,
                                      std::uint64_t map_size);
  Status OpenTables(unsigned flags);
  Status CheckLength(const std::filesystem::path& directory) const;
  void FindMap();
  int data_file() const;

  Descriptor lock_;             // first in, last out: nothing of LMDB is touched without it
  std::filesystem::path path_;  // of the data file
  Environment environment_;
  CommitFunction commit_;
  std::array<MDB_dbi, kTables.size()> tables_{};
  std::span<std::uint8_t> map_;  // empty when it was not found
};

// For who walks through a table: told of each row, it has the disk read the pages behind, as far as
// they have come one behind the other so far. The map itself reads nothing ahead: requests want a
// page here and one there, and with a store that the page cache does not hold they would wait for
// what nobody wants.
class ReadAhead {
 public:
  // The environment outlives this.
  explicit ReadAhead(const LmdbEnvironment& environment) : environment_(&environment) {}
  void At(const void* row);

 private:
  const LmdbEnvironment* environment_;
  std::uintptr_t last_ = 0;   // page of the row before
  std::uintptr_t asked_ = 0;  // up to there
  unsigned in_a_row_ = 0;     // pages that came shortly behind the one before
};

// kStoreUnavailable with LMDB's own words for the operator.
Failure LmdbFailure(int code, std::string_view doing);

}  // namespace acb::store
