// acbd: the ACB handover-signing service.
#include <signal.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>

#include "firmware/duis/signature.h"
#include "platform/box.h"
#include "platform/config.h"
#include "platform/endpoints.h"
#include "platform/hardening.h"
#include "platform/https_server.h"
#include "platform/log.h"
#include "platform/system_clock.h"

namespace acb::platform {
namespace {

constexpr int kGood = 0;
constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr std::chrono::seconds kStopPatience{20};

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

// Clients, their CAs and revocation lists, and our own certificate, as the file has them now; what
// else it says waits for a restart. A file that is wrong in any place changes nothing.
void ReloadAccess(const std::filesystem::path& file, HttpsServer& server, Box* box,
                  const Clock& clock, const Log& log) {
  const auto config = LoadConfig(file);
  Status reloaded = config ? server.Reload(ServerSettings(*config).access) : Status(config.error());
  if (!reloaded) return log.Failed(LogLevel::kError, "reload-failed", reloaded.error());
  log.Notice("reloaded", {{"clients", config->clients.size()}});
  if (box == nullptr) return;
  if (Status kept = box->RecordAccess(config->clients, clock.Now()); !kept) {
    log.Failed(LogLevel::kError, "reload-not-recorded", kept.error());
  }
}

// The signal that ends the service, or 0 when another box has taken over (design.md section 4):
// then this one must not stay up. `reload` is called for each SIGHUP.
int WaitForStop(const sigset_t& stop, const Box* box, const std::function<void()>& reload) {
  constexpr timespec kPatience{.tv_sec = 0, .tv_nsec = 200'000'000};
  while (box == nullptr || !box->overtaken()) {
    const int received = sigtimedwait(&stop, nullptr, &kPatience);
    if (received == SIGHUP) {
      reload();
    } else if (received > 0) {
      return received;
    }
  }
  return 0;
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

int Run(const Config& config, const Log& log, const Clock& clock) {
  const sigset_t stop = BlockStopSignals();
  for (const auto& [name, value] : config.hsm_environment) setenv(name.c_str(), value.c_str(), 1);
  if (Status xml = duis::InitialiseXml(); !xml) {
    log.Failed(LogLevel::kError, "start-failed", xml.error());
    return kFailed;
  }
  if (config.environment == smki::Environment::kTest) {
    log.Warning("test-environment", {{"meaning", "nothing signed here may reach a live device"}});
  }

  Sandbox sandbox(config, log);
  // A box that cannot open stays up to say why: readiness names the cause.
  auto box = Box::Open(config, clock, log, &sandbox);
  if (!box) log.Failed(LogLevel::kError, "not-ready", box.error());
  // Without a box that came so far: what is left needs limits all the same.
  if (Status limited = sandbox.RestrictFiles(); !limited) {
    log.Failed(LogLevel::kError, "start-failed", limited.error());
    return kFailed;
  }
  HttpsServerSettings settings = ServerSettings(config);
  settings.observe = [&log](const Exchange& exchange) { LogRequest(log, exchange); };
  auto server = HttpsServer::Start(std::move(settings),
                                   box ? BoxRoutes(**box, config, clock, log, &sandbox)
                                       : ClosedRoutes(box.error(), config, clock, &sandbox),
                                   log);
  if (!server) {
    log.Failed(LogLevel::kError, "start-failed", server.error());
    return kFailed;
  }
  if (Status limited = sandbox.RestrictCalls(box ? (*box)->lister() : 0); !limited) {
    log.Failed(LogLevel::kError, "start-failed", limited.error());
    return kFailed;
  }
  log.Notice("listening", {{"address", config.listen_address},
                           {"port", (*server)->port()},
                           {"ready", box.has_value() && (*box)->Ready()}});

  Box* const open = box ? box->get() : nullptr;
  const int received =
      WaitForStop(stop, open, [&] { ReloadAccess(config.file, **server, open, clock, log); });
  if (received == 0) {
    log.Failed(LogLevel::kError, "overtaken", Failure(Reason::kOvertaken));
    (*server)->Stop(kStopPatience);
    return kFailed;
  }
  log.Notice("stopping", {{"signal", received}});
  (*server)->Stop(kStopPatience);
  if (box) {
    if (Status stopped = (*box)->Stop(); !stopped) {
      log.Failed(LogLevel::kError, "stop-failed", stopped.error());
      return kFailed;
    }
  }
  log.Notice("stopped");
  return kGood;
}

int Main(int argc, char** argv) {
  CLI::App app("The ACB handover-signing service");
  std::filesystem::path file;
  bool check_only = false;
  app.add_option("--config", file, "acbd.toml")->required();
  app.add_flag("--check-config", check_only, "Check the configuration and exit");
  app.footer(
      "Exit code: 0 stopped or checked, 1 failed, 2 usage.\nExample:\n  acbd --config "
      "/etc/acbd/acbd.toml");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kGood : kUsage;
  }
  const SystemClock clock;
  const Log log = Log::ToStderr(clock);
  HardenProcess(log);
  const auto config = LoadConfig(file);
  if (!config) {
    std::cerr << "acbd: " << config.error().explanation << "\n";
    return kFailed;
  }
  if (check_only) {
    std::cout << file.string() << ": good\n";
    return kGood;
  }
  return Run(*config, log, clock);
}

}  // namespace
}  // namespace acb::platform

int main(int argc, char** argv) { return acb::platform::Main(argc, argv); }
