#include "hsm/acceptance.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "hsm/anchor_objects.h"
#include "hsm/child_process.h"
#include "hsm/opened.h"

namespace acb::hsm {
namespace {

constexpr std::string_view kApplication = "acb-acceptance-test";
constexpr std::chrono::seconds kPatience{40};  // a step; a start may wait 30 s for the lock
constexpr std::size_t kObjectSize = 190;       // about that of an anchor
constexpr std::size_t kMaxDetail = 1024;

// One octet each way, and the round after a command.
enum class Command : std::uint8_t { kCreateAndList = 1, kDestroy = 2 };
constexpr std::size_t kCommandSize = 1 + 4;
enum class Answer : std::uint8_t { kFailed = 0, kDone = 1, kSeen = 2, kNotSeen = 3 };

Failure Unavailable(std::string detail) {
  return Failure{Reason::kHsmUnavailable, {}, std::move(detail)};
}

Bytes ObjectOf(std::uint8_t process, std::uint32_t round) {
  Bytes octets = ByteWriter().U8(process).U32(round).bytes();
  octets.resize(kObjectSize);
  return octets;
}

// --- In one of the two processes ---

class Participant {
 public:
  Participant(std::uint8_t number, Look look, HsmAnchorObjects& objects)
      : number_(number), look_(look), objects_(objects) {}

  // What an earlier test left behind.
  Status CleanUp() {
    auto left = objects_.List();
    if (!left) return std::move(left).error();
    for (const Bytes& octets : *left) {
      if (auto destroyed = objects_.Destroy(octets); !destroyed) return destroyed;
    }
    return Done{};
  }

  Result<Answer> Carry(Command command, std::uint32_t round) {
    switch (command) {
      case Command::kCreateAndList:
        return CreateAndList(round);
      case Command::kDestroy: {
        auto destroyed = objects_.Destroy(ObjectOf(number_, round));
        if (!destroyed) return std::move(destroyed).error();
        return Answer::kDone;
      }
    }
    return Unavailable("no such command");
  }

 private:
  Result<Answer> CreateAndList(std::uint32_t round) {
    if (auto made = objects_.Create(ObjectOf(number_, round)); !made)
      return std::move(made).error();
    auto seen = look_ == Look::kAnew ? objects_.ListAnew() : objects_.List();
    if (!seen) return std::move(seen).error();
    const Bytes other = ObjectOf(static_cast<std::uint8_t>(1 - number_), round);
    return std::ranges::find(*seen, other) != seen->end() ? Answer::kSeen : Answer::kNotSeen;
  }

  const std::uint8_t number_;
  const Look look_;
  HsmAnchorObjects& objects_;
};

bool Tell(const ChildPipes& pipes, const Result<Answer>& answer) {
  ByteWriter writer;
  if (answer) {
    writer.U8(static_cast<std::uint8_t>(*answer)).U16(0).U16(0);
  } else {
    const std::string detail = answer.error().detail.substr(0, kMaxDetail);
    writer.U8(static_cast<std::uint8_t>(Answer::kFailed))
        .U16(static_cast<std::uint16_t>(answer.error().reason))
        .U16(static_cast<std::uint16_t>(detail.size()))
        .Raw(AsBytes(detail));
  }
  return WriteAll(pipes.to_parent, writer.bytes());
}

Result<Opened> OpenLocked(HsmSettings& settings) {
  auto lock = StartLock::Acquire(settings.lock_file);
  if (!lock) return std::move(lock).error();
  return OpenToken(settings, SessionAccess::kReadOnly);
}

Status Serve(HsmSettings& settings, std::uint8_t number, Look look, const ChildPipes& pipes) {
  std::unique_ptr<Lister> lister;
  // Without one, List is always through the session.
  if (look == Look::kAnew) {
    auto started = Lister::Start(settings);
    if (!started) return std::move(started).error();
    lister = *std::move(started);
  }
  auto opened = OpenLocked(settings);
  if (!opened) return std::move(opened).error();
  HsmAnchorObjects objects(*opened, settings.lock_file, std::move(lister), kApplication);
  Participant participant(number, look, objects);
  if (number == 0) {
    if (auto clean = participant.CleanUp(); !clean) return clean;
  }
  bool heard = Tell(pipes, Answer::kDone);
  while (heard) {  // ends when the parent closes its end, or takes too long
    std::array<std::uint8_t, kCommandSize> octets{};
    const SteadyTime end = std::chrono::steady_clock::now() + 2 * kPatience;
    if (ReadUntil(pipes.from_parent, octets, end).end != ReadEnd::kFull) break;
    ByteReader reader(octets);
    const auto command = static_cast<Command>(reader.U8());
    heard = Tell(pipes, participant.Carry(command, reader.U32()));
  }
  return Done{};
}

[[noreturn]] void RunParticipant(HsmSettings& settings, std::uint8_t number, Look look,
                                 ChildPipes pipes) {
  if (!BecomeChild("acb-accept", pipes)) _exit(EXIT_FAILURE);
  if (auto served = Serve(settings, number, look, pipes); !served) {
    static_cast<void>(Tell(pipes, std::move(served).error()));
  }
  _exit(EXIT_SUCCESS);
}

// --- In the process that asks ---

class Process {
 public:
  static Result<std::unique_ptr<Process>> Start(HsmSettings& settings, std::uint8_t number,
                                                Look look) {
    auto commands = MakePipe();
    if (!commands) return std::move(commands).error();
    auto answers = MakePipe();
    if (!answers) return std::move(answers).error();
    const pid_t process = fork();
    if (process < 0) return Unavailable("fork failed");
    if (process == 0) {
      RunParticipant(settings, number, look,
                     {std::move(commands->read_end), std::move(answers->write_end)});
    }
    return std::unique_ptr<Process>(
        new Process(process, *std::move(commands), std::move(answers->read_end)));
  }

  // It ends when it can hear no more commands; killed only when it does not, since it may be in the
  // middle of writing to the token.
  ~Process() {
    commands_.write_end.Close();
    const SteadyTime end = std::chrono::steady_clock::now() + kPatience;
    while (waitpid(process_, nullptr, WNOHANG) == 0) {
      if (std::chrono::steady_clock::now() > end) kill(process_, SIGKILL);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  Status Send(Command command, int round) {
    const Bytes octets = ByteWriter()
                             .U8(static_cast<std::uint8_t>(command))
                             .U32(static_cast<std::uint32_t>(round))
                             .bytes();
    if (WriteAll(commands_.write_end, octets)) return Done{};
    return Unavailable("a process of the acceptance test takes no command");
  }

  Result<Answer> Receive() {
    const SteadyTime end = std::chrono::steady_clock::now() + kPatience;
    std::array<std::uint8_t, 1 + 2 + 2> header{};
    if (ReadUntil(answers_, header, end).end != ReadEnd::kFull) {
      return Unavailable("a process of the acceptance test did not answer");
    }
    ByteReader reader(header);
    const auto answer = static_cast<Answer>(reader.U8());
    const std::uint16_t reason = reader.U16();
    Bytes detail(std::min<std::size_t>(reader.U16(), kMaxDetail));
    if (answer != Answer::kFailed) return answer;
    if (ReadUntil(answers_, detail, end).end != ReadEnd::kFull) detail.clear();
    for (const Reason known : {Reason::kConfiguration, Reason::kHsmPin}) {
      if (reason == static_cast<std::uint16_t>(known)) {
        return Failure{known, {}, std::string(AsText(detail))};
      }
    }
    return Unavailable(std::string(AsText(detail)));
  }

 private:
  Process(pid_t process, Pipe commands, Descriptor answers)
      : process_(process), commands_(std::move(commands)), answers_(std::move(answers)) {}

  const pid_t process_;
  // With a reader of ours, so that writing to a dead process is no SIGPIPE.
  Pipe commands_;
  Descriptor answers_;
};

using Two = std::array<std::unique_ptr<Process>, 2>;

// Both get the command before either is asked for its answer: they run at the same time.
Result<std::array<Answer, 2>> Together(Two& two, Command command, int round) {
  for (auto& process : two) {
    if (auto sent = process->Send(command, round); !sent) return std::move(sent).error();
  }
  std::array<Answer, 2> answers{};
  std::optional<Failure> failed;
  for (std::size_t i = 0; i < two.size(); ++i) {
    auto answer = two[i]->Receive();
    if (answer) {
      answers[i] = *answer;
    } else if (!failed) {
      failed = std::move(answer).error();
    }
  }
  if (!failed) return answers;
  failed->detail = "round " + std::to_string(round) + ": " + failed->detail;
  return *std::move(failed);
}

Status StartBoth(HsmSettings& settings, Look look, Two& two) {
  for (std::uint8_t number = 0; number < two.size(); ++number) {
    auto started = Process::Start(settings, number, look);
    if (!started) return std::move(started).error();
    two[number] = *std::move(started);
    // One after the other: the first cleans up, and a PIN that is wrong is tried once.
    if (auto ready = two[number]->Receive(); !ready) return std::move(ready).error();
  }
  return Done{};
}

}  // namespace

Result<int> CountMisses(HsmSettings settings, AcceptanceTest test) {
  if (test.rounds < 1 || test.rounds > kMaxAcceptanceRounds) {
    return Failure{Reason::kConfiguration, {}, "the number of acceptance rounds is of no use"};
  }
  Two two;
  if (auto started = StartBoth(settings, test.look, two); !started) {
    return std::move(started).error();
  }
  int misses = 0;
  for (int round = 1; round <= test.rounds; ++round) {
    const auto answers = Together(two, Command::kCreateAndList, round);
    if (!answers) return answers.error();
    const bool missed = std::ranges::find(*answers, Answer::kSeen) == answers->end();
    const auto destroyed = Together(two, Command::kDestroy, round);
    if (!destroyed) return destroyed.error();
    misses += missed ? 1 : 0;
    if (misses > test.misses_allowed) {
      return Unavailable("round " + std::to_string(round) +
                         ": neither process saw the other's object");
    }
    if (test.progress) test.progress(round);
  }
  return misses;
}

Status AcceptModule(HsmSettings settings, int rounds, std::function<void(int done)> progress) {
  auto counted = CountMisses(std::move(settings), {rounds, Look::kAnew, 0, std::move(progress)});
  if (!counted) return std::move(counted).error();
  return Done{};
}

}  // namespace acb::hsm
