#include "store/environment.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <system_error>

namespace acb::store {
namespace {

// NOTLS: a read transaction belongs to its object, not to its thread. Never NOSYNC, NOMETASYNC,
// WRITEMAP or MAPASYNC: each gives up what section 4 of design.md rests on (ecosystem.md section
// 8). NORDAHEAD: see ReadAhead.
constexpr unsigned kFlags = MDB_NOTLS | MDB_NORDAHEAD;
constexpr std::uintptr_t kPage = 4096;
constexpr mode_t kFileMode = 0600;
constexpr mode_t kDirectoryMode = 0700;
// Only while a store is made: it holds a few empty tables then.
constexpr std::uint64_t kCreateMapSize = std::uint64_t{16} << 20;
constexpr off_t kSmallestFile = off_t{2} * 4096;  // the two meta pages

Failure SystemFailure(std::string_view doing, const std::filesystem::path& path, int error) {
  return Failure(Reason::kStoreUnavailable, {},
                 std::string(doing) + " " + path.string() + ": " + std::strerror(error));
}

Failure Missing(std::string_view what, const std::filesystem::path& path) {
  return Failure(Reason::kStoreMissing, std::string(what).append(kWayOut), path.string());
}

// There was a store: a first run looks otherwise.
Failure Overwritten(const std::filesystem::path& path) {
  return Failure(Reason::kRecordDamaged,
                 std::string("the store's data file was overwritten: its first pages are not a "
                             "store's")
                     .append(kWayOut),
                 path.string());
}

Status SyncPath(const std::filesystem::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file || ::fsync(file.get()) != 0) return SystemFailure("fsync", path, errno);
  return Done{};
}

Status MakeDirectory(const std::filesystem::path& directory) {
  if (::mkdir(directory.c_str(), kDirectoryMode) != 0 && errno != EEXIST) {
    return SystemFailure("mkdir", directory, errno);
  }
  std::error_code error;
  if (!std::filesystem::is_empty(directory, error) || error) {
    return Failure(
        Reason::kStoreUnavailable,
        "the directory for the store exists and is not empty; a store is never made over "
        "another",
        directory.string());
  }
  if (::chmod(directory.c_str(), kDirectoryMode) != 0) {
    return SystemFailure("chmod", directory, errno);
  }
  return Done{};
}

// The lock of the whole store, held until the descriptor is closed or the process ends.
Result<Descriptor> Lock(const std::filesystem::path& directory, int flags) {
  const auto path = directory / kLockFile;
  Descriptor lock(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, kFileMode));
  if (!lock) {
    if (errno != ENOENT) return SystemFailure("open", path, errno);
    return Failure(
        Reason::kStoreMissing,
        "the store has no lock file; it is empty, so where no acbd runs on this store a new "
        "one does: touch " +
            path.string());
  }
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno != EWOULDBLOCK) return SystemFailure("flock", path, errno);
  return Failure(Reason::kStoreUnavailable, "another acbd has the store: stop acbd and try again",
                 path.string());
}

}  // namespace

Failure LmdbFailure(int code, std::string_view doing) {
  return Failure(Reason::kStoreUnavailable, {}, std::string(doing) + ": " + mdb_strerror(code));
}

Result<LmdbEnvironment::Environment> LmdbEnvironment::OpenFile(
    const std::filesystem::path& directory, std::uint64_t map_size) {
  MDB_env* made = nullptr;
  if (const int code = mdb_env_create(&made)) return LmdbFailure(code, "mdb_env_create");
  Environment environment(made);
  if (const int code = mdb_env_set_mapsize(made, map_size)) {
    return LmdbFailure(code, "mdb_env_set_mapsize");
  }
  if (const int code = mdb_env_set_maxdbs(made, kTables.size())) {
    return LmdbFailure(code, "mdb_env_set_maxdbs");
  }
  if (const int code = mdb_env_set_maxreaders(made, kMaxReaders)) {
    return LmdbFailure(code, "mdb_env_set_maxreaders");
  }
  if (const int code = mdb_env_open(made, directory.c_str(), kFlags, kFileMode)) {
    if (code == MDB_INVALID || code == MDB_VERSION_MISMATCH) {
      return Overwritten(directory / kDataFile);
    }
    return LmdbFailure(code, "mdb_env_open");
  }
  return environment;
}

Status LmdbEnvironment::OpenTables(unsigned flags) {
  MDB_txn* transaction = nullptr;
  const unsigned begin_flags = (flags & MDB_CREATE) != 0 ? 0 : MDB_RDONLY;
  if (const int code = mdb_txn_begin(handle(), nullptr, begin_flags, &transaction)) {
    return LmdbFailure(code, "mdb_txn_begin");
  }
  Handle<MDB_txn, mdb_txn_abort> owner(transaction);
  for (const TableInfo& info : kTables) {
    const int code = mdb_dbi_open(transaction, info.name, flags, &tables_[IndexOf(info.table)]);
    if (code == MDB_NOTFOUND) {
      return Missing("the store has no table " + std::string(info.name) + ", or it is damaged", "");
    }
    if (code != MDB_SUCCESS) return LmdbFailure(code, "mdb_dbi_open");
  }
  // Also of a read transaction: abort would close the handles just opened (lmdb.h, mdb_dbi_open).
  if (const int code = mdb_txn_commit(owner.release())) return LmdbFailure(code, "mdb_txn_commit");
  return Done{};
}

Status LmdbEnvironment::Create(const std::filesystem::path& directory) {
  if (auto made = MakeDirectory(directory); !made) return made;
  auto lock = Lock(directory, O_CREAT | O_EXCL);
  if (!lock) return std::move(lock).error();
  {
    auto file = OpenFile(directory, kCreateMapSize);
    if (!file) return std::move(file).error();
    LmdbEnvironment fresh(*std::move(lock), *std::move(file), {});
    if (auto opened = fresh.OpenTables(MDB_CREATE); !opened) return opened;
    if (const int code = mdb_env_sync(fresh.handle(), 1)) return LmdbFailure(code, "mdb_env_sync");
  }
  // LMDB syncs its file and never a directory (reliability.md section 1). Closed first: the close
  // of any other descriptor of the file would drop LMDB's locks.
  if (auto synced = SyncPath(directory / kDataFile); !synced) return synced;
  if (auto synced = SyncPath(directory); !synced) return synced;
  // If power fails now: the store is there, empty, and Open refuses it for having no settings.
  return SyncPath(std::filesystem::absolute(directory / "..").lexically_normal());
}

Result<std::shared_ptr<LmdbEnvironment>> LmdbEnvironment::Open(
    const std::filesystem::path& directory, std::uint64_t map_size, CommitFunction commit) {
  struct stat status {};
  if (::stat(directory.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
    return Missing("there is no store directory", directory);
  }
  // Looked at before LMDB does, which would make a new file or fill an empty one: a store that lost
  // its file must not look like a first run, for its counters would start again.
  const auto data = directory / kDataFile;
  if (::lstat(data.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return Missing("the store has no data file", data);
  }
  if (status.st_size == 0) return Missing("the store's data file is empty", data);
  if (status.st_size < kSmallestFile) return Overwritten(data);

  auto lock = Lock(directory, 0);
  if (!lock) return std::move(lock).error();
  auto file = OpenFile(directory, map_size);
  if (!file) return std::move(file).error();
  std::shared_ptr<LmdbEnvironment> opened(
      new LmdbEnvironment(*std::move(lock), *std::move(file),
                          commit ? std::move(commit) : CommitFunction(mdb_txn_commit)));
  if (auto whole = opened->CheckLength(directory); !whole) return std::move(whole).error();
  // A process killed inside a commit leaves pages, perhaps the newest meta page, in the page cache
  // only. What is read below must be on the disk before anyone acts on it.
  if (const int code = mdb_env_sync(opened->handle(), 1)) return LmdbFailure(code, "mdb_env_sync");
  int dead_readers = 0;  // slots that a killed process left: they would keep old pages for ever
  if (const int code = mdb_reader_check(opened->handle(), &dead_readers)) {
    return LmdbFailure(code, "mdb_reader_check");
  }
  if (auto tables = opened->OpenTables(0); !tables) return std::move(tables).error();
  opened->path_ = data;
  opened->FindMap();
  return opened;
}

// LMDB does not say where its map is, but for a fixed one; the system does (proc(5), "maps"): begin
// and end, permissions, offset, device, inode.
void LmdbEnvironment::FindMap() {
  struct stat file {};
  if (::fstat(data_file(), &file) != 0) return;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::istringstream fields(line);
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    std::string permissions, offset, device;
    ino_t inode = 0;
    char dash = 0;
    fields >> std::hex >> begin >> dash >> end >> permissions >> offset >> device >> std::dec >>
        inode;
    const bool shared = permissions == "r--s" && end - begin == map_size();
    if (!fields || inode != file.st_ino || !shared) continue;
    map_ = {reinterpret_cast<std::uint8_t*>(begin), end - begin};
  }
}

void LmdbEnvironment::LetGoOfPages() const {
  // Shared and read-only: the pages stay in the file. A refusal leaves them here, and that is all.
  if (!map_.empty()) ::madvise(map_.data(), map_.size(), MADV_DONTNEED);
}

void LmdbEnvironment::WillNeed(const void* from, std::size_t octets) const {
  const auto at = reinterpret_cast<std::uintptr_t>(from);
  const auto begin = reinterpret_cast<std::uintptr_t>(map_.data());
  if (at < begin || at - begin >= map_.size()) return;
  WillNeedAt(at - begin, octets);
}

void LmdbEnvironment::WillNeedAt(std::uint64_t offset, std::size_t octets) const {
  // Behind the file's end there is nothing to read.
  const std::uint64_t end = std::min<std::uint64_t>(map_.size(), used());
  const std::uint64_t begin = offset - offset % kPage;
  const std::uint64_t until = std::min(end, offset + octets);
  // The system does no more for one call than its own read-ahead, mostly 128 KiB.
  constexpr std::uint64_t kPiece = 128 * 1024;
  for (std::uint64_t at = begin; at < until; at += kPiece) {
    ::madvise(map_.data() + at, std::min(kPiece, until - at), MADV_WILLNEED);
  }
}

void ReadAhead::At(const void* row) {
  constexpr std::uintptr_t kNear = 16 * kPage;
  constexpr unsigned kEnough = 8;  // pages
  constexpr std::size_t kWindow = std::size_t{1} << 20;
  const std::uintptr_t page = reinterpret_cast<std::uintptr_t>(row) & ~(kPage - 1);
  if (page == last_) return;
  const bool near = page > last_ && page - last_ <= kNear;
  in_a_row_ = near ? in_a_row_ + 1 : 0;
  if (!near) asked_ = 0;
  last_ = page;
  // Before the end of what was asked for is reached.
  if (in_a_row_ < kEnough || (page < asked_ && asked_ - page > kWindow / 2)) return;
  asked_ = page + kWindow;
  environment_->WillNeed(row, kWindow);
}

// A file that was cut would end the process with SIGBUS at the first read behind its end.
Status LmdbEnvironment::CheckLength(const std::filesystem::path& directory) const {
  std::error_code error;
  const auto length = std::filesystem::file_size(directory / kDataFile, error);
  if (error || length < used()) {
    return Failure(Reason::kRecordDamaged, "the store's data file is shorter than it says",
                   std::to_string(length) + " octets, should be " + std::to_string(used()));
  }
  return Done{};
}

int LmdbEnvironment::data_file() const {
  int file = -1;
  mdb_env_get_fd(handle(), &file);
  return file;
}

std::uint64_t LmdbEnvironment::last_commit() const {
  MDB_envinfo info{};
  mdb_env_info(handle(), &info);
  return info.me_last_txnid;
}

Status LmdbEnvironment::CheckInPlace() const {
  struct stat named {};
  struct stat opened {};
  const bool is_there = ::stat(path_.c_str(), &named) == 0;
  if (!is_there && errno != ENOENT) return SystemFailure("stat", path_, errno);
  if (::fstat(data_file(), &opened) != 0) return SystemFailure("fstat", path_, errno);
  if (is_there && named.st_dev == opened.st_dev && named.st_ino == opened.st_ino) return Done{};
  return Failure(Reason::kStoreMissing,
                 "the store's data file was removed or replaced while the box ran; what was "
                 "answered is in the file that it has open still: copy /proc/" +
                     std::to_string(::getpid()) + "/fd/" + std::to_string(data_file()) +
                     " back before the process ends",
                 path_.string());
}

std::uint64_t LmdbEnvironment::map_size() const {
  MDB_envinfo info{};
  mdb_env_info(handle(), &info);
  return info.me_mapsize;
}

std::uint64_t LmdbEnvironment::used() const {
  MDB_envinfo info{};
  MDB_stat pages{};
  mdb_env_info(handle(), &info);
  mdb_env_stat(handle(), &pages);
  return (std::uint64_t{info.me_last_pgno} + 1) * pages.ms_psize;
}

}  // namespace acb::store
