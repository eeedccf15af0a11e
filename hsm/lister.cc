#include "hsm/lister.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include <cerrno>
#include <span>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "hsm/hsm.h"
#include "hsm/lister_process.h"
#include "hsm/listing_messages.h"

namespace acb::hsm {
namespace {

using std::chrono::milliseconds;

// What the lister itself may take beyond the deadline of the listing.
constexpr milliseconds kGrace{1000};
constexpr milliseconds kEndPoll{1};
constexpr int kEndPolls = 1000;

Failure Unavailable(std::string detail) {
  return Failure{Reason::kHsmUnavailable, {}, std::move(detail)};
}

Failure Died() {
  return Unavailable(
      "the process that lists the HSM's objects has ended; it can only be started with the "
      "service: restart it");
}

}  // namespace

Result<std::unique_ptr<Lister>> Lister::Start(const HsmSettings& settings, milliseconds deadline) {
  auto requests = MakePipe();
  if (!requests) return std::move(requests).error();
  auto replies = MakePipe();
  if (!replies) return std::move(replies).error();
  // A lister that does not read must not make us wait here.
  if (fcntl(requests->write_end.get(), F_SETFL, O_NONBLOCK) != 0) {
    return Unavailable("fcntl: " + std::generic_category().message(errno));
  }
  const pid_t parent = getpid();
  const pid_t process = fork();
  if (process < 0) return Unavailable("fork: " + std::generic_category().message(errno));
  if (process == 0) {
    RunLister(settings, deadline, parent,
              {std::move(requests->read_end), std::move(replies->write_end)});
  }
  return std::unique_ptr<Lister>(
      new Lister(process, *std::move(requests), std::move(replies->read_end), deadline));
}

Lister::Lister(pid_t process, Pipe requests, Descriptor replies, milliseconds deadline)
    : process_(process),
      requests_(std::move(requests)),
      replies_(std::move(replies)),
      deadline_(deadline) {}

Lister::~Lister() {
  requests_.write_end.Close();
  for (int i = 0; i < kEndPolls; ++i) {
    if (waitpid(process_, nullptr, WNOHANG) != 0) return;
    std::this_thread::sleep_for(kEndPoll);
  }
  kill(process_, SIGKILL);
  waitpid(process_, nullptr, 0);
}

Result<std::vector<Bytes>> Lister::List(std::string_view application) {
  if (application.empty() || application.size() > kMaxApplication) {
    return Unavailable("an application name of no use");
  }
  const std::uint64_t number = ++last_number_;
  // Shorter than PIPE_BUF: all of it or nothing (pipe(7)).
  static_assert(kRequestSize <= 512);
  if (!WriteAll(requests_.write_end, EncodeRequest({number, std::string(application)}))) {
    return Unavailable("the process that lists the HSM's objects takes no request: " +
                       std::generic_category().message(errno));
  }
  return ReceiveReply(number);
}

// A reply to an earlier request, which was given up, says nothing of what was created since.
Result<std::vector<Bytes>> Lister::ReceiveReply(std::uint64_t number) {
  const SteadyTime end = std::chrono::steady_clock::now() + deadline_ + kGrace;
  for (;;) {  // ends at the latest with the deadline
    ReadEnd read = ReceiveUpTo(kReplyHeaderSize, end);
    std::uint64_t answered = 0;
    if (read == ReadEnd::kFull) {
      ByteReader header(arriving_);
      answered = header.U64();
      const std::size_t size = header.U32();
      if (size > kMaxOutcome) return Died();  // not our lister's octets: nothing after it is
      read = ReceiveUpTo(kReplyHeaderSize + size, end);
    }
    if (read == ReadEnd::kTimeOut) {
      return Unavailable("the process that lists the HSM's objects does not answer");
    }
    if (read != ReadEnd::kFull) return Died();
    const Bytes reply = std::exchange(arriving_, {});
    if (answered == number) return DecodeOutcome(BytesView(reply).subspan(kReplyHeaderSize));
  }
}

// kFull when at least the first `size` octets of the reply are there.
ReadEnd Lister::ReceiveUpTo(std::size_t size, SteadyTime end) {
  const std::size_t before = arriving_.size();
  if (before >= size) return ReadEnd::kFull;
  arriving_.resize(size);
  const ReadSoFar read = ReadUntil(replies_, std::span(arriving_).subspan(before), end);
  arriving_.resize(before + read.size);
  return read.end;
}

}  // namespace acb::hsm
