#include "platform/sandbox.h"

#include <fcntl.h>

#include <algorithm>
#include <fstream>
#include <string_view>
#include <utility>

#include "firmware/base/descriptor.h"
#include "platform/config.h"
#include "platform/landlock.h"
#include "platform/system_calls.h"

namespace acb::platform {
namespace {

constexpr std::uint16_t kDnsPort = 53;
constexpr std::size_t kMaxSoftHsmLines = 1000;

void AddParent(std::vector<std::filesystem::path>& paths, const std::filesystem::path& file) {
  if (!file.empty()) paths.push_back(file.parent_path());
}

// What any program reads: libraries, the C library's and OpenSSL's settings, the time zone, how
// many processors there are. Nothing in it is secret.
void AddSystem(std::vector<std::filesystem::path>& readable) {
  for (const char* path :
       {"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", "/etc/ssl/openssl.cnf",
        "/etc/ssl/certs", "/etc/localtime", "/etc/timezone", "/usr/share/zoneinfo",
        "/sys/devices/system/cpu", "/dev/urandom", "/dev/random"}) {
    readable.emplace_back(path);
  }
}

// Names of servers: what getaddrinfo(3) reads.
void AddNameService(std::vector<std::filesystem::path>& readable) {
  for (const char* path : {"/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf",
                           "/etc/gai.conf", "/etc/services", "/run/systemd/resolve"}) {
    readable.emplace_back(path);
  }
}

bool ConnectsOut(const Config& config) {
  return !config.hardening.hsm_ports.empty() || !config.witnesses.empty();
}

// "directories.tokendir = PATH" of SoftHSM's settings.
std::filesystem::path TokenDirectoryOf(const std::filesystem::path& settings) {
  constexpr std::string_view kKey = "directories.tokendir";
  std::ifstream file(settings);
  std::string line;
  for (std::size_t i = 0; i < kMaxSoftHsmLines && std::getline(file, line); ++i) {
    const std::size_t begin = line.find_first_not_of(" \t");
    if (begin == std::string::npos || !std::string_view(line).substr(begin).starts_with(kKey)) {
      continue;
    }
    const std::size_t equals = line.find('=');
    if (equals == std::string::npos) continue;
    const std::size_t from = line.find_first_not_of(" \t", equals + 1);
    const std::size_t to = line.find_last_not_of(" \t\r");
    if (from != std::string::npos) return line.substr(from, to - from + 1);
  }
  return {};
}

// The module, what it reads, and the token where that is files of this machine.
void AddHsm(const Config& config, SandboxPlan& plan) {
  AddParent(plan.readable, config.hsm_module);
  const auto softhsm = config.hsm_environment.find("SOFTHSM2_CONF");
  const std::filesystem::path settings =
      softhsm != config.hsm_environment.end() ? softhsm->second : "/etc/softhsm/softhsm2.conf";
  plan.readable.push_back(settings);
  if (auto tokens = TokenDirectoryOf(settings); !tokens.empty()) plan.writable.push_back(tokens);
  for (const auto& path : config.hardening.hsm_files) plan.writable.push_back(path);
  plan.writable.push_back(config.hsm_lock_file);
  plan.writable.emplace_back("/dev/null");
  plan.connect_ports = config.hardening.hsm_ports;
  if (!plan.connect_ports.empty()) AddNameService(plan.readable);
}

// It is opened again and again, and made by whoever is first: a rule needs it to be there.
void MakeLockFile(const std::filesystem::path& file) {
  const Descriptor lock(
      ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
}

}  // namespace

SandboxPlan ListerPlan(const Config& config) {
  SandboxPlan plan;
  AddSystem(plan.readable);
  AddHsm(config, plan);
  MakeLockFile(config.hsm_lock_file);
  return plan;
}

SandboxPlan ServicePlan(const Config& config) {
  SandboxPlan plan = ListerPlan(config);
  // Whole directories: a file that is replaced has the name alone in common with the earlier one.
  for (const auto& file :
       {config.file, config.tls_certificate, config.tls_key, config.tls_client_ca,
        config.response_codes, config.acb_digital_signing_certificate,
        config.acb_key_agreement_certificate, config.backup_public_key}) {
    AddParent(plan.readable, file);
  }
  for (const KnownClient& client : config.clients) AddParent(plan.readable, client.issuer);
  for (const auto& root : config.trust_roots) AddParent(plan.readable, root);
  for (const auto& root : config.device_roots) AddParent(plan.readable, root);
  plan.writable.push_back(config.store_directory);
  if (!config.backup_directory.empty()) plan.writable.push_back(config.backup_directory);
  AddParent(plan.writable, config.checkpoint_file);
  plan.bind_ports = {config.listen_port};
  for (const WitnessSetting& witness : config.witnesses) {
    plan.connect_ports.push_back(witness.port);
    AddParent(plan.readable, witness.ca);
  }
  if (!config.witnesses.empty()) AddNameService(plan.readable);
  if (ConnectsOut(config)) plan.connect_ports.push_back(kDnsPort);
  return plan;
}

bool SandboxBuilt() {
#if defined(ACB_SANITIZED)
  return false;
#else
  return true;
#endif
}

Sandbox::Sandbox(const Config& config, const Log& log) : config_(config), log_(log) {
  if (!SandboxBuilt()) {
    off_ = "built with a sanitizer";
  } else if (!config.hardening.sandbox) {
    off_ = "hardening.sandbox is false";
  }
  if (!off_.empty()) log.Warning("sandbox-off", {{"why", off_}});
}

bool Sandbox::ConfineLister() const {
  if (!off_.empty()) return true;
  const SandboxPlan plan = ListerPlan(config_);
  const std::optional<int> abi = LandlockAbi();
  // The signals that it may send are for its own children.
  const bool files = abi && ApplyLandlock(*abi, plan, {.signals = true});
  const bool calls =
      ApplyCallList({.sockets = !plan.connect_ports.empty(), .children = true}).has_value();
  return calls && (files || (!abi && !config_.hardening.require_landlock));
}

Status Sandbox::RestrictFiles() {
  if (!off_.empty() || std::exchange(files_asked_, true)) return Done{};
  const std::optional<int> abi = LandlockAbi();
  if (!abi && config_.hardening.require_landlock) {
    return Failure(Reason::kConfiguration,
                   "this kernel has no Landlock: boot with lsm=landlock,... (Linux 5.13 or newer), "
                   "or set hardening.require_landlock = false");
  }
  if (!abi) {
    log_.Warning("sandbox", {{"missing", "Landlock"},
                             {"meaning", "files are limited by the unit and their modes alone"},
                             {"what_to_do", "boot with lsm=landlock,... (Linux 5.13 or newer)"}});
    return Done{};
  }
  if (Status done = ApplyLandlock(*abi, ServicePlan(config_), {.signals = false}); !done) {
    return done;
  }
  abi_ = abi;
  return Done{};
}

Status Sandbox::RestrictCalls(pid_t lister) {
  if (!off_.empty()) return Done{};
  const bool sockets = ConnectsOut(config_);
  Status done = ApplyCallList({.sockets = sockets, .signals_to = lister});
  if (!done) return done;
  calls_ = true;
  log_.Notice("sandbox", {{"landlock_abi", abi_.value_or(0)},
                          {"system_calls", "limited"},
                          {"outgoing_connections", sockets}});
  return done;
}

SandboxState Sandbox::state() const { return {calls_, abi_, off_}; }

}  // namespace acb::platform
