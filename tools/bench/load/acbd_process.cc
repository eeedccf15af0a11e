#include "tools/bench/load/acbd_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>
#include <utility>

#include "platform/https_client.h"

extern char** environ;

namespace acb::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kReadyTime{60};
constexpr std::chrono::seconds kStopTime{60};
constexpr std::chrono::milliseconds kPause{10};
constexpr int kOk = 200;

Failure Cannot(const std::string& what) { return Failure{Reason::kConfiguration, what}; }

bool SaysReady(const World& world) {
  platform::HttpsClientSettings settings;
  settings.host = world.address;
  settings.port = world.port;
  settings.ca = world.client_ca;
  settings.certificate = world.client_certificate;
  settings.key = world.client_key;
  auto client = platform::HttpsClient::Create(settings);
  if (!client) return false;
  platform::HttpClientRequest request;
  request.target = "/readyz";
  const auto answer = client->Send(request);
  return answer && answer->status == kOk;
}

}  // namespace

Usage UsageOf(pid_t process) {
  const std::string folder = "/proc/" + std::to_string(process);
  Usage usage;
  std::ifstream stat(folder + "/stat");
  std::string line;
  std::getline(stat, line);
  // proc(5): after the name in brackets, utime and stime are the 12th and 13th field.
  const std::size_t after_name = line.rfind(')');
  if (after_name == std::string::npos) return usage;
  std::istringstream fields(line.substr(after_name + 1));
  std::string skipped;
  for (int field = 0; field < 11; ++field) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  usage.cpu_seconds = (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
  std::ifstream status(folder + "/status");
  while (std::getline(status, line)) {
    if (line.starts_with("RssAnon:")) usage.anonymous_octets = 1024 * std::stoull(line.substr(8));
  }
  return usage;
}

AcbdProcess::AcbdProcess(AcbdProcess&& other) noexcept
    : process_(std::exchange(other.process_, 0)) {}

AcbdProcess::~AcbdProcess() {
  // Whoever wants to know how it ended calls Stop.
  if (process_ != 0) (void)Stop();
}

Result<AcbdProcess> AcbdProcess::Start(const std::filesystem::path& program, const World& world) {
  const std::string log = (world.box / "acbd.log").string();
  std::string name = program.string();
  std::string option = "--config";
  std::string config = world.config.string();
  std::array<char*, 4> arguments{name.data(), option.data(), config.data(), nullptr};
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(),
                                     O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  pid_t process = 0;
  const int code =
      ::posix_spawn(&process, name.c_str(), &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (code != 0) return Cannot(name + ": " + std::strerror(code));
  AcbdProcess acbd(process);
  const auto deadline = Clock::now() + kReadyTime;
  while (Clock::now() < deadline) {
    int status = 0;
    if (::waitpid(process, &status, WNOHANG) == process) {
      acbd.process_ = 0;
      return Cannot("acbd ended at once; see " + log);
    }
    if (SaysReady(world)) return acbd;
    std::this_thread::sleep_for(kPause);
  }
  return Cannot("acbd was not ready in time; see " + log);
}

Status AcbdProcess::Stop() {
  const pid_t process = std::exchange(process_, 0);
  if (process == 0) return Done{};
  ::kill(process, SIGTERM);
  const auto deadline = Clock::now() + kStopTime;
  int status = 0;
  while (::waitpid(process, &status, WNOHANG) == 0) {
    if (Clock::now() >= deadline) {
      ::kill(process, SIGKILL);
      ::waitpid(process, &status, 0);
      return Cannot("acbd did not stop in time and was killed");
    }
    std::this_thread::sleep_for(kPause);
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return Cannot("acbd did not stop cleanly");
  return Done{};
}

}  // namespace acb::bench
