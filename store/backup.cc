#include "store/backup.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "store/audit_log.h"

namespace acb::store {
namespace {

constexpr std::size_t kPieceOctets = std::size_t{1} << 20;
// LMDB reads the copy through its map: what has gone into the pipe need not stay in this process.
constexpr std::size_t kPiecesBeforeLettingGo = 64;
constexpr std::size_t kPiecesAhead = 8;
// LMDB writes the two meta pages while it holds up the writer: they must find room at once.
constexpr int kPipeOctets = 1 << 20;
constexpr int kSmallestPipe = 64 * 1024;

Failure SystemFailure(std::string_view doing) {
  return Failure(Reason::kStoreUnavailable, {}, std::string(doing) + ": " + std::strerror(errno));
}

struct Pipe {
  Descriptor out;
  Descriptor in;
};

Result<Pipe> MakePipe() {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) return SystemFailure("pipe2");
  Pipe pipe{Descriptor(ends[0]), Descriptor(ends[1])};
  // Larger is faster; the limit of the system may refuse it, and the usual 64 KiB do.
  if (::fcntl(ends[1], F_SETPIPE_SZ, kPipeOctets) < kSmallestPipe &&
      ::fcntl(ends[1], F_GETPIPE_SZ) < kSmallestPipe) {
    return SystemFailure("F_GETPIPE_SZ");
  }
  return pipe;
}

// On a thread of its own. A reader that went away is EPIPE here, not the end of the process.
int WriteCopy(const LmdbEnvironment& environment, int into) {
  sigset_t pipe_signal;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe_signal, nullptr);
  return mdb_env_copyfd2(environment.handle(), into, 0);
}

// Until the other end is closed.
Status Drain(const LmdbEnvironment& environment, int from, const CopySink& sink) {
  Bytes piece(kPieceOctets);
  for (std::size_t pieces = 1;; ++pieces) {  // ends with the copy
    // The copy is the file, from its begin to its end.
    environment.WillNeedAt((pieces + kPiecesAhead) * kPieceOctets, kPieceOctets);
    std::size_t filled = 0;
    while (filled < piece.size()) {
      const ssize_t got = ::read(from, piece.data() + filled, piece.size() - filled);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return SystemFailure("read of the copy");
      if (got == 0) break;
      filled += static_cast<std::size_t>(got);
    }
    if (filled == 0) return Done{};
    if (auto taken = sink(BytesView(piece).first(filled)); !taken) return taken;
    if (filled < piece.size()) return Done{};
    if (pieces % kPiecesBeforeLettingGo == 0) environment.LetGoOfPages();
  }
}

}  // namespace

Result<audit::Receipt> AppendExport(WriteTransaction& transaction, const audit::Entry& entry,
                                    Environment environment) {
  auto receipt = AppendEntry(transaction, entry, environment);
  if (receipt) transaction.DemandAnchor();
  return receipt;
}

Status CopyTo(const LmdbEnvironment& environment, const CopySink& sink) {
  auto pipe = MakePipe();
  if (!pipe) return std::move(pipe).error();
  int code = MDB_SUCCESS;
  std::thread copier(
      [&environment, &code, in = std::move(pipe->in)] { code = WriteCopy(environment, in.get()); });
  Status drained = Done{};
  {
    // Closed before the thread is waited for: a copy that nobody takes would wait for ever.
    const Descriptor out = std::move(pipe->out);
    drained = Drain(environment, out.get(), sink);
  }
  copier.join();
  if (!drained) return drained;
  if (code != MDB_SUCCESS) return LmdbFailure(code, "mdb_env_copyfd2");
  return Done{};
}

}  // namespace acb::store
