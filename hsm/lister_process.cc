#include "hsm/lister_process.h"

#include <dlfcn.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "firmware/base/sha256.h"
#include "hsm/listing.h"
#include "hsm/listing_messages.h"

namespace acb::hsm {
namespace {

using std::chrono::milliseconds;

constexpr std::chrono::microseconds kReapPause{200};
constexpr int kReapTries = 5000;  // 1 s

Failure Unavailable(std::string detail) {
  return Failure{Reason::kHsmUnavailable, {}, std::move(detail)};
}

// False when it cannot be had; the process then ends.
bool Isolate(pid_t parent, ChildPipes& pipes) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) return false;
  // No core file and no tracing by others of the user: it holds the PIN (promise P7).
  if (prctl(PR_SET_DUMPABLE, 0) != 0) return false;
  return BecomeChild("acb-lister", pipes);
}

// What every child would do for itself before it can begin: the module's code is mapped and bound,
// the cryptographic library has read its settings. The module itself is not initialised: each child
// does that anew, so that it sees what the token holds then. When it cannot be loaded the children
// say why.
void Prepare(const HsmSettings& settings) {
  static_cast<void>(dlopen(settings.module_path.c_str(), RTLD_NOW | RTLD_LOCAL));
  static_cast<void>(Sha256({}));
}

class ListerProcess {
 public:
  ListerProcess(const HsmSettings& settings, milliseconds deadline, ChildPipes pipes)
      : settings_(settings), deadline_(deadline), pipes_(std::move(pipes)) {}

  void Serve() {
    for (;;) {  // until the parent has closed its end
      std::array<std::uint8_t, kRequestSize> octets{};
      const SteadyTime never = std::chrono::steady_clock::now() + std::chrono::hours(24);
      const ReadSoFar read = ReadUntil(pipes_.from_parent, octets, never);
      if (read.end == ReadEnd::kTimeOut && read.size == 0) continue;
      if (read.end != ReadEnd::kFull) return;
      const auto request = DecodeRequest(octets);
      if (!request) return;
      const Bytes outcome = Answer(request->application);
      const Bytes reply = ByteWriter()
                              .U64(request->number)
                              .U32(static_cast<std::uint32_t>(outcome.size()))
                              .Raw(outcome)
                              .bytes();
      if (!WriteAll(pipes_.to_parent, reply)) return;
    }
  }

 private:
  Bytes Answer(const std::string& application) {
    // Tokens lock after a few wrong PINs: one that was refused is not tried again.
    if (refused_) return *refused_;
    auto outcome = ListInChild(application);
    if (!outcome) return EncodeOutcome(std::move(outcome).error());
    const auto decoded = DecodeOutcome(*outcome);
    if (!decoded && decoded.error().reason == Reason::kHsmPin) refused_ = *outcome;
    return *std::move(outcome);
  }

  // The outcome as the child encoded it.
  Result<Bytes> ListInChild(const std::string& application) {
    if (stuck_ > 0 && !Reap(stuck_))
      return Unavailable("an earlier listing still hangs in the HSM");
    stuck_ = 0;
    auto pipe = MakePipe();
    if (!pipe) return std::move(pipe).error();
    const SteadyTime end = std::chrono::steady_clock::now() + deadline_;
    const pid_t child = fork();
    if (child < 0) return Unavailable("fork: " + std::generic_category().message(errno));
    if (child == 0) RunChild(application, *std::move(pipe));
    pipe->write_end.Close();
    return Collect(child, pipe->read_end, end);
  }

  [[noreturn]] void RunChild(const std::string& application, Pipe pipe) {
    prctl(PR_SET_NAME, "acb-listing");
    // It does not die with the lister, which might be half-way through a login (kEndOfListing). It
    // has an end of its own, after the one that the lister would give it.
    static_assert(kEndOfListing == SIGALRM);
    alarm(static_cast<unsigned>(std::chrono::ceil<std::chrono::seconds>(deadline_).count()) + 1);
    // Or the service would not see that the lister has died.
    pipes_.from_parent.Close();
    pipes_.to_parent.Close();
    const bool told = WriteAll(pipe.write_end,
                               EncodeOutcome(ListWithNewModule(settings_, application, deadline_)));
    // No exit handler: they are the service's, and OpenSSL's may end before SoftHSM's (quirk 13).
    _exit(told ? EXIT_SUCCESS : EXIT_FAILURE);
  }

  Result<Bytes> Collect(pid_t child, const Descriptor& from, SteadyTime end) {
    Bytes outcome(kMaxOutcome + 1);
    const ReadSoFar read = ReadUntil(from, outcome, end, &pipes_.from_parent);
    if (read.end == ReadEnd::kHangUp) _exit(EXIT_SUCCESS);  // no one wants to know any more
    if (read.end != ReadEnd::kEndOfFile) kill(child, kEndOfListing);
    const auto status = Reap(child);
    if (!status) stuck_ = child;
    if (read.end == ReadEnd::kTimeOut) {
      return Unavailable("listing the HSM's objects took longer than " +
                         std::to_string(deadline_.count()) + " ms");
    }
    if (!status || *status != 0 || read.end != ReadEnd::kEndOfFile) {
      return Unavailable("listing the HSM's objects failed: wait status " +
                         std::to_string(status.value_or(-1)));
    }
    outcome.resize(read.size);
    return outcome;
  }

  // Nothing when it does not end: it logs in, or a driver keeps it in the kernel.
  static std::optional<int> Reap(pid_t child) {
    for (int i = 0; i < kReapTries; ++i) {
      int status = 0;
      const pid_t ended = waitpid(child, &status, WNOHANG);
      if (ended == child) return status;
      if (ended < 0 && errno != EINTR) return std::nullopt;
      std::this_thread::sleep_for(kReapPause);
    }
    return std::nullopt;
  }

  const HsmSettings& settings_;
  const milliseconds deadline_;
  ChildPipes pipes_;
  std::optional<Bytes> refused_;
  pid_t stuck_ = 0;
};

}  // namespace

void RunLister(const HsmSettings& settings, milliseconds deadline, pid_t parent, ChildPipes pipes) {
  if (!Isolate(parent, pipes)) _exit(EXIT_FAILURE);
  if (settings.confine_lister && !settings.confine_lister()) _exit(EXIT_FAILURE);
  Prepare(settings);
  ListerProcess(settings, deadline, std::move(pipes)).Serve();
  _exit(EXIT_SUCCESS);
}

}  // namespace acb::hsm
