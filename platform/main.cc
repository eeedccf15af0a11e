// acbd: the ACB handover-signing service.
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <future>
#include <iostream>
#include <iterator>
#include <map>
#include <optional>

#include "firmware/duis/signature.h"
#include "platform/box.h"
#include "platform/config.h"
#include "platform/config_check.h"
#include "platform/endpoints.h"
#include "platform/hardening.h"
#include "platform/heartbeat.h"
#include "platform/https_server.h"
#include "platform/log.h"
#include "platform/service_manager.h"
#include "platform/system_clock.h"

namespace acb::platform {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

constexpr int kGood = 0;
constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr std::chrono::seconds kStopPatience{20};
constexpr std::chrono::milliseconds kBetweenBeats{200};

template <class T>
Status Outcome(const Result<T>& result) {
  if (result) return Done{};
  return result.error();
}

// Before any thread, so that every thread inherits it: signals are taken in WaitForStop alone.
sigset_t BlockStopSignals() {
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  sigaddset(&stop, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);
  signal(SIGPIPE,
         SIG_IGN);  // a client that went away is an error of write(), not the end of the box
  return stop;
}

std::string Joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text.append(text.empty() ? "" : ", ").append(name);
  return text;
}

using Settings = std::map<std::string, std::string>;

// Says what differs from what is in force, and what of it waits for a restart.
void LogChanges(const Settings& in_force, const Config& read, const Log& log) {
  std::vector<std::string> now;
  std::vector<std::string> later;
  for (const std::string& name : ChangedSettings(in_force, read.given)) {
    (TakesEffectOnReload(name) ? now : later).push_back(name);
  }
  log.Notice("reloaded", {{"clients", read.clients.size()},
                          {"changed", Joined(now)},
                          {"needs_restart", Joined(later)}});
  if (later.empty()) return;
  log.Warning("restart-needed",
              {{"settings", Joined(later)}, {"meaning", "changed in the file and not in force"}});
}

// Clients, their CAs and revocation lists, and our own certificate, as the file has them now; what
// else it says waits for a restart. A file that is wrong in any place changes nothing.
// `beat` is called while the record of it waits for the writer, which an import may keep for
// minutes.
void ReloadAccess(const std::filesystem::path& file, Settings& in_force, HttpsServer& server,
                  Box* box, const Clock& clock, const Log& log, const std::function<void()>& beat) {
  const auto config = LoadConfig(file);
  Status reloaded = config ? server.Reload(ServerSettings(*config).access) : Status(config.error());
  if (!reloaded) return log.Failed(LogLevel::kError, "reload-failed", reloaded.error());
  LogChanges(in_force, *config, log);
  const auto taken = [](const auto& setting) { return TakesEffectOnReload(setting.first); };
  std::erase_if(in_force, taken);
  std::ranges::copy_if(config->given, std::inserter(in_force, in_force.end()), taken);
  if (box == nullptr) return;
  auto recording = std::async(std::launch::async,
                              [&] { return box->RecordAccess(config->clients, clock.Now()); });
  while (recording.wait_for(kBetweenBeats) != std::future_status::ready) beat();
  if (Status kept = recording.get(); !kept) {
    log.Failed(LogLevel::kError, "reload-not-recorded", kept.error());
  }
}

void TellReady(ServiceManager& manager, const Result<std::unique_ptr<Box>>& box) {
  if (!box) return manager.ReadyBut(box.error().explanation);
  const std::vector<Failure> attention = (*box)->Attention();
  if (attention.empty()) return manager.Ready();
  manager.ReadyBut(attention.front().explanation);
}

// An HSM that was away or too slow at the start may be back: the service manager starts a box again
// that has failed. Nobody else would, so without one it stays up to say why. Longer apart than the
// unit's StartLimitBurst allows. Not after a PIN that was refused: the token counts those.
std::optional<SteadyTime> StartAgainAt(const ServiceManager& manager,
                                       const Result<std::unique_ptr<Box>>& box) {
  constexpr std::chrono::seconds kWait{150};
  if (box || box.error().reason != Reason::kHsmUnavailable || !manager.there()) return {};
  return std::chrono::steady_clock::now() + kWait;
}

constexpr int kTakenOver = 0;
constexpr int kStartAgain = -1;

// The signal that ends the service, kTakenOver when another box has taken over (design.md section
// 4): then this one must not stay up; kStartAgain at that time. `reload` is called for each SIGHUP,
// `beat` in between.
int WaitForStop(const sigset_t& stop, const Box* box, std::optional<SteadyTime> start_again,
                const std::function<void()>& reload, const std::function<void()>& beat) {
  constexpr timespec kPatience{.tv_sec = 0,
                               .tv_nsec = std::chrono::nanoseconds(kBetweenBeats).count()};
  while (box == nullptr || !box->overtaken()) {
    if (start_again && std::chrono::steady_clock::now() >= *start_again) return kStartAgain;
    const int received = sigtimedwait(&stop, nullptr, &kPatience);
    if (received == SIGHUP) {
      reload();
    } else if (received > 0) {
      return received;
    }
    beat();
  }
  return kTakenOver;
}

// The route, not the path, and no query: these may name a device or what somebody looked for.
void LogRequest(const Log& log, const Exchange& exchange) {
  log.Info("request", {{"request_id", exchange.id},
                       {"client", exchange.client},
                       {"peer", exchange.peer},
                       {"method", exchange.method},
                       {"route", exchange.route},
                       {"status", exchange.status},
                       {"request_octets", exchange.request_octets},
                       {"response_octets", exchange.response_octets},
                       {"microseconds", exchange.duration.count()}});
}

// From READY to the clean stop; the exit status.
int Serve(const Config& config, const sigset_t& stop, ServiceManager& manager,
          const Result<std::unique_ptr<Box>>& box, HttpsServer& server, const Clock& clock,
          const Log& log) {
  Box* const open = box ? box->get() : nullptr;
  TellReady(manager, box);
  Heartbeat heartbeat(manager, server, open, log);
  Settings in_force = config.given;
  const auto reload = [&] {
    manager.Reloading();
    ReloadAccess(config.file, in_force, server, open, clock, log, [&] { heartbeat.Beat(); });
    TellReady(manager, box);
  };
  const int received =
      WaitForStop(stop, open, StartAgainAt(manager, box), reload, [&] { heartbeat.Beat(); });
  manager.Stopping();
  if (received == kTakenOver || received == kStartAgain) {
    if (received == kTakenOver) {
      log.Failed(LogLevel::kError, "overtaken", Failure(Reason::kOvertaken));
    } else {
      log.Failed(LogLevel::kError, "start-again", box.error());
    }
    server.Stop(kStopPatience);
    return kFailed;
  }
  log.Notice("stopping", {{"signal", received}});
  // Or an import of many minutes would outlast the patience of the service manager, which kills.
  if (open != nullptr) open->store().BeginStop();
  server.Stop(kStopPatience);
  Status stopped = open != nullptr ? open->Stop() : Status(Done{});
  if (!stopped) {
    log.Failed(LogLevel::kError, "stop-failed", stopped.error());
    return kFailed;
  }
  log.Notice("stopped");
  return kGood;
}

int Failed(const Log& log, const Status& why) {
  // Another box may have claimed the token while this one came up.
  const bool overtaken = why.error().reason == Reason::kOvertaken;
  log.Failed(LogLevel::kError, overtaken ? "overtaken" : "start-failed", why.error());
  return kFailed;
}

int Run(const Config& config, const Log& log, const Clock& clock) {
  const sigset_t stop = BlockStopSignals();
  auto listener = InheritedListener();
  auto manager = ServiceManager::Connect();
  for (const Status& good : {Outcome(listener), Outcome(manager)}) {
    if (!good) return Failed(log, good);
  }
  for (const auto& [name, value] : config.hsm_environment) setenv(name.c_str(), value.c_str(), 1);
  if (Status xml = duis::InitialiseXml(); !xml) return Failed(log, xml);
  if (config.environment == smki::Environment::kTest) {
    log.Warning("test-environment", {{"meaning", "nothing signed here may reach a live device"}});
  }

  Sandbox sandbox(config, log);
  // A box that cannot open stays up to say why: readiness names the cause.
  auto box = Box::Open(config, clock, log, &sandbox);
  if (!box) log.Failed(LogLevel::kError, "not-ready", box.error());
  // Its start is anchored: what fails from here on ends as a clean stop does, or each try to start
  // it would cost every device a window.
  const auto failed = [&](const Status& why) {
    if (box) static_cast<void>((*box)->Stop());
    return Failed(log, why);
  };
  // Before the first request: an operator who was taken out while the box was stopped has no word.
  if (box) {
    if (Status known = (*box)->RecordAccess(config.clients, clock.Now()); !known) {
      return failed(known);
    }
  }
  // Without a box that came so far: what is left needs limits all the same.
  if (Status limited = sandbox.RestrictFiles(); !limited) return failed(limited);
  HttpsServerSettings settings = ServerSettings(config);
  if (*listener) settings.listener = listener->Release();
  settings.before_first_connection = [&] {
    return sandbox.RestrictCalls(box ? (*box)->lister() : 0);
  };
  if (box) {
    settings.in_force = [&box](const TlsEnds& ends) { (*box)->metrics().SetTlsEnds(ends); };
  }
  settings.observe = [&log](const Exchange& exchange) { LogRequest(log, exchange); };
  auto server = HttpsServer::Start(std::move(settings),
                                   box ? BoxRoutes(**box, config, clock, log, &sandbox)
                                       : ClosedRoutes(box.error(), config, clock, &sandbox),
                                   log);
  if (!server) return failed(Outcome(server));
  log.Notice("listening", {{"address", config.listen_address},
                           {"port", (*server)->port()},
                           {"ready", box.has_value() && (*box)->Ready()}});
  return Serve(config, stop, *manager, box, **server, clock, log);
}

int Check(const std::filesystem::path& file) {
  const std::vector<std::string> wrong = CheckConfig(file);
  for (const std::string& line : wrong) std::cerr << "acbd: " << line << "\n";
  if (!wrong.empty()) return kFailed;
  std::cout << file.string() << ": good\n";
  return kGood;
}

int Main(int argc, char** argv) {
  CLI::App app("The ACB handover-signing service");
  std::filesystem::path file;
  std::string to_check;
  app.add_option("--config", file, "acbd.toml");
  CLI::Option* const check =
      app.add_option("--check-config", to_check, "Check a configuration and exit")->expected(0, 1);
  app.footer(
      "Exit code: 0 stopped, or the configuration is good; 1 failed; 2 usage.\nExamples:\n"
      "  acbd --config /etc/acbd/acbd.toml\n"
      "  sudo -u acbd acbd --check-config /etc/acbd/acbd.toml");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kGood : kUsage;
  }
  if (!to_check.empty()) file = to_check;
  if (file.empty()) {
    std::cerr << "acbd: --config FILE or --check-config FILE is needed\n";
    return kUsage;
  }
  const SystemClock clock;
  const Log log = Log::ToStderr(clock);
  HardenProcess(log);
  if (check->count() != 0) return Check(file);
  const auto config = LoadConfig(file);
  if (!config) {
    std::cerr << "acbd: " << config.error().explanation << "\n";
    return kFailed;
  }
  return Run(*config, log, clock);
}

}  // namespace
}  // namespace acb::platform

int main(int argc, char** argv) {
  const int status = acb::platform::Main(argc, argv);
  // A call that hangs in the module may hold what the exit handlers of a library wait for.
  constexpr unsigned kExitSeconds = 15;
  alarm(kExitSeconds);
  return status;
}
