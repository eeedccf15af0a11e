#include "store/trial.h"

#include <lmdb.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <optional>
#include <string>
#include <thread>

#include "store/environment.h"

namespace acb::store {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kReads{500};
constexpr std::chrono::seconds kPatience{10};
constexpr std::chrono::milliseconds kPause{1};
constexpr std::size_t kRowsOfATable = 20'000;
// Whatever it found in good order: Store::Open says what it is.
constexpr int kLived = 0;

// What is damaged row by row is for whoever needs the row.
void ReadTable(MDB_txn* transaction, MDB_dbi table, Clock::time_point end) {
  MDB_cursor* opened = nullptr;
  if (mdb_cursor_open(transaction, table, &opened) != MDB_SUCCESS) return;
  const Handle<MDB_cursor, mdb_cursor_close> cursor(opened);
  MDB_val key{};
  MDB_val value{};
  for (std::size_t rows = 0; rows < kRowsOfATable && Clock::now() < end; ++rows) {
    if (mdb_cursor_get(opened, &key, &value, MDB_NEXT) != MDB_SUCCESS) return;
    // Both ends: they may lie on other pages.
    for (const MDB_val* each : {&key, &value}) {
      if (each->mv_size == 0) continue;
      const auto* octets = static_cast<const volatile std::uint8_t*>(each->mv_data);
      static_cast<void>(octets[0]);
      static_cast<void>(octets[each->mv_size - 1]);
    }
  }
}

// Read only, and without a flush: one that failed here would be reported to nobody.
void ReadAll(const std::filesystem::path& directory, std::uint64_t map_size) {
  constexpr MDB_dbi kFreePages = 0;  // LMDB's own table, as mdb_stat(1) reads it
  MDB_env* made = nullptr;
  if (mdb_env_create(&made) != MDB_SUCCESS) return;
  const Handle<MDB_env, mdb_env_close> environment(made);
  mdb_env_set_mapsize(made, map_size);
  mdb_env_set_maxdbs(made, kTables.size());
  mdb_env_set_maxreaders(made, kMaxReaders);
  if (mdb_env_open(made, directory.c_str(), MDB_RDONLY | MDB_NOTLS, 0) != MDB_SUCCESS) return;
  MDB_txn* begun = nullptr;
  if (mdb_txn_begin(made, nullptr, MDB_RDONLY, &begun) != MDB_SUCCESS) return;
  const Handle<MDB_txn, mdb_txn_abort> transaction(begun);
  const auto end = Clock::now() + kReads;
  ReadTable(begun, kFreePages, end);
  for (const TableInfo& info : kTables) {
    MDB_dbi table = 0;
    if (mdb_dbi_open(begun, info.name, 0, &table) == MDB_SUCCESS) ReadTable(begun, table, end);
  }
}

[[noreturn]] void Read(const std::filesystem::path& directory, std::uint64_t map_size) {
  ::prctl(PR_SET_DUMPABLE, 0);  // no core file of what is meant to die
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (const int deadly : {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE}) ::signal(deadly, SIG_DFL);
  ReadAll(directory, map_size);
  ::_exit(kLived);
}

// Nothing: it came to no end.
std::optional<int> Await(pid_t child) {
  for (const auto end = Clock::now() + kPatience; Clock::now() < end;) {
    int status = 0;
    const pid_t waited = ::waitpid(child, &status, WNOHANG);
    if (waited == child) return status;
    if (waited < 0 && errno != EINTR) return kLived;  // somebody else has waited for it
    std::this_thread::sleep_for(kPause);
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  return {};
}

}  // namespace

Status TryReading(const std::filesystem::path& directory, std::uint64_t map_size) {
  const pid_t child = ::fork();
  if (child < 0) return Failure(Reason::kStoreUnavailable, {}, "fork: " + std::to_string(errno));
  if (child == 0) Read(directory, map_size);
  const auto status = Await(child);
  if (status && WIFEXITED(*status) && WEXITSTATUS(*status) == kLived) return Done{};
  return Failure(Reason::kRecordDamaged,
                 "the store's data file is damaged: reading it " +
                     std::string(status ? "ends the process that does" : "comes to no end") +
                     std::string(kWayOut),
                 (directory / kDataFile).string());
}

}  // namespace acb::store
