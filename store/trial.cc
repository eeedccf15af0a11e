#include "store/trial.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <string>
#include <thread>

#include "store/environment.h"
#include "store/transactions.h"

namespace acb::store {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kReads{500};
constexpr std::chrono::seconds kPatience{10};
constexpr std::chrono::milliseconds kPause{1};
constexpr std::size_t kRowsOfATable = 20'000;
constexpr std::size_t kRowsAtOnce = 1'000;
// Whatever it found in good order: Store::Open says what it is.
constexpr int kLived = 0;

// What is damaged row by row is for whoever needs the row.
void ReadTable(const ReadTransaction& transaction, Table table, Clock::time_point end) {
  Bytes after;
  for (std::size_t rows = 0; rows < kRowsOfATable && Clock::now() < end; rows += kRowsAtOnce) {
    std::vector<Failure> damaged;
    const auto checked = transaction.Check(table, after, kRowsAtOnce, damaged);
    if (!checked || !checked->last) return;
    after = *checked->last;
  }
}

void ReadFreePages(MDB_env* environment, Clock::time_point end) {
  constexpr MDB_dbi kFreePages = 0;  // LMDB's own table, as mdb_stat(1) reads it
  MDB_txn* begun = nullptr;
  if (mdb_txn_begin(environment, nullptr, MDB_RDONLY, &begun) != MDB_SUCCESS) return;
  const Handle<MDB_txn, mdb_txn_abort> transaction(begun);
  MDB_cursor* opened = nullptr;
  if (mdb_cursor_open(begun, kFreePages, &opened) != MDB_SUCCESS) return;
  const Handle<MDB_cursor, mdb_cursor_close> cursor(opened);
  MDB_val key{};
  MDB_val value{};
  while (Clock::now() < end && mdb_cursor_get(opened, &key, &value, MDB_NEXT) == MDB_SUCCESS) {
  }
}

[[noreturn]] void Read(const std::filesystem::path& directory, std::uint64_t map_size) {
  ::prctl(PR_SET_DUMPABLE, 0);  // no core file of what is meant to die
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (const int deadly : {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE}) ::signal(deadly, SIG_DFL);
  if (const auto opened = LmdbEnvironment::Open(directory, map_size, {})) {
    const auto end = Clock::now() + kReads;
    ReadFreePages((*opened)->handle(), end);
    if (const auto transaction = ReadTransaction::Begin(*opened)) {
      for (const TableInfo& info : kTables) ReadTable(*transaction, info.table, end);
    }
  }
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
