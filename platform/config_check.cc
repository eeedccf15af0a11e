#include "platform/config_check.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

#include "firmware/smki/authority.h"
#include "firmware/smki/device_path.h"
#include "platform/access.h"
#include "platform/config.h"
#include "platform/endpoint_table.h"
#include "platform/tls.h"

namespace acb::platform {
namespace {

class Findings {
 public:
  Findings(std::string file, const ConfigReport& report)
      : file_(std::move(file)), report_(report) {}

  void Add(const std::string& setting, const std::string& what) {
    const auto found = report_.settings.find(setting);
    // One that the file leaves to its default has no line of its own.
    const std::uint32_t line =
        found != report_.settings.end() ? std::max(1U, found->second.line) : 1;
    lines_.emplace(line, file_ + ":" + std::to_string(line) + ": " + setting + ": " + what);
  }

  // A file that is read at the start; an empty path is a setting that was left out. Whether it is
  // there and can be read.
  bool NeedFile(const std::string& setting, const std::filesystem::path& path) {
    if (path.empty()) return false;
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) {
      Add(setting, path.string() + " cannot be opened: " + std::strerror(errno));
    } else if (!S_ISREG(status.st_mode)) {
      Add(setting, path.string() + " is not a regular file");
    } else if (::access(path.c_str(), R_OK) != 0) {
      Add(setting, path.string() + " cannot be read by this user: " + std::strerror(errno));
    } else {
      return true;
    }
    return false;
  }
  // nullptr when it is none.
  smki::CertificatePtr NeedCertificate(const std::string& setting,
                                       const std::filesystem::path& path) {
    if (!NeedFile(setting, path)) return nullptr;
    auto certificate = LoadCertificate(path);
    if (certificate) return *std::move(certificate);
    Add(setting, certificate.error().explanation);
    return nullptr;
  }
  void NeedDirectory(const std::string& setting, const std::filesystem::path& path,
                     const std::string& remedy) {
    if (path.empty()) return;
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) {
      Add(setting, path.string() + " cannot be opened: " + std::strerror(errno) + "; " + remedy);
    } else if (!S_ISDIR(status.st_mode)) {
      Add(setting, path.string() + " is not a directory");
    } else if (::access(path.c_str(), R_OK | W_OK | X_OK) != 0) {
      Add(setting, path.string() + " is not this user's to write: " + std::strerror(errno));
    }
  }

  // The first start makes it, but not its directory.
  void NeedLockFile(const std::string& setting, const std::filesystem::path& path,
                    const std::filesystem::path& checked) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) {
      if (path.parent_path() != checked) NeedDirectory(setting, path.parent_path(), "make it");
    } else if (!S_ISREG(status.st_mode)) {
      Add(setting, path.string() + " is not a regular file");
    } else if (::access(path.c_str(), R_OK | W_OK) != 0) {
      Add(setting, path.string() + " is not this user's to write: " + std::strerror(errno));
    }
  }

  std::vector<std::string> lines() const {
    std::vector<std::string> lines;
    for (const auto& [line, text] : lines_) lines.push_back(text);
    return lines;
  }

 private:
  std::string file_;
  const ConfigReport& report_;
  std::multimap<std::uint32_t, std::string> lines_;
};

bool IsEndpointOf(Role role, std::string_view endpoint) {
  return std::ranges::any_of(EndpointTable(), [&](const EndpointRule& rule) {
    return rule.roles.Has(role) &&
           endpoint == std::string(rule.method) + " " + std::string(rule.pattern);
  });
}

void CheckTls(const Config& config, Findings& findings) {
  findings.NeedFile("tls.certificate", config.tls_certificate);
  findings.NeedFile("tls.key", config.tls_key);
  findings.NeedFile("tls.client_ca", config.tls_client_ca);
  for (const KnownClient& client : config.clients) {
    if (client.issuer.empty()) continue;
    const auto issuer = DigestOfCertificate(client.issuer);
    if (!issuer) findings.Add("client.issuer", issuer.error().explanation);
  }
  for (const KnownClient& client : config.clients) {
    for (const std::string& endpoint : client.endpoints) {
      if (IsEndpointOf(client.role, endpoint)) continue;
      findings.Add("client.endpoints", NoSuchEndpoint(client, endpoint).explanation);
    }
  }
  if (!findings.lines().empty()) return;
  const auto context =
      MakeServerContext({config.tls_certificate, config.tls_key, config.tls_client_ca});
  if (!context) findings.Add("tls.certificate", context.error().explanation);
}

// The PIN is not said, nor anything of it.
void CheckHsm(const Config& config, Findings& findings) {
  findings.NeedFile("hsm.module", config.hsm_module);
  // The store's directory has a line of its own.
  findings.NeedLockFile("hsm.lock_file", config.hsm_lock_file, config.store_directory);
  if (config.hsm_pin_file.empty()) return;  // it is there only while the service runs
  if (const auto read = ReadPin(config.hsm_pin_file); !read) {
    findings.Add("hsm.pin_file", read.error().explanation);
  }
}

// As the start takes them (Box::LoadDeviceRoots).
void CheckTrust(const Config& config, Findings& findings) {
  std::set<Sha256Digest> organisation;
  for (const auto& file : config.trust_roots) {
    const auto root = findings.NeedCertificate("trust.roots", file);
    if (root) organisation.insert(root->sha256());
  }
  for (const auto& file : config.device_roots) {
    const auto root = findings.NeedCertificate("trust.device_roots", file);
    if (!root) continue;
    if (!smki::IsDeviceAuthority(*root) || !smki::IsSignedByItself(*root)) {
      findings.Add("trust.device_roots", file.string() + " is not a self-signed CA");
    } else if (organisation.contains(root->sha256())) {  // R-SEC3-13
      findings.Add("trust.device_roots", file.string() + " is also a root of the organisation PKI");
    }
  }
}

void CheckFiles(const Config& config, Findings& findings) {
  CheckTls(config, findings);
  CheckHsm(config, findings);
  findings.NeedDirectory("store.directory", config.store_directory,
                         "acbctl provision makes it: it is never made by itself");
  findings.NeedCertificate("acb.digital_signing_certificate",
                           config.acb_digital_signing_certificate);
  findings.NeedCertificate("acb.key_agreement_certificate", config.acb_key_agreement_certificate);
  CheckTrust(config, findings);
  findings.NeedFile("answers.response_codes", config.response_codes);
  findings.NeedFile("firmware.manifest", config.firmware_manifest);
  findings.NeedFile("firmware.key", config.firmware_key);
  findings.NeedFile("backup.public_key", config.backup_public_key);
  findings.NeedDirectory("backup.directory", config.backup_directory, "make it");
  if (!config.checkpoint_file.empty()) {
    findings.NeedDirectory("audit.checkpoint_file", config.checkpoint_file.parent_path(),
                           "make it");
  }
  for (const WitnessSetting& witness : config.witnesses) {
    findings.NeedFile("audit.witness.ca", witness.ca);
  }
}

}  // namespace

std::vector<std::string> CheckConfig(const std::filesystem::path& file) {
  const auto text = ReadSettings(file);
  if (!text) return {text.error().explanation};
  ConfigReport report;
  const auto config = ParseConfig(*text, file, &report);
  if (!config) return report.errors;
  Findings findings(file.filename().string(), report);
  CheckFiles(*config, findings);
  std::vector<std::string> lines = findings.lines();
  if (lines.empty()) {
    // The table of response codes has lines of its own.
    if (const auto loaded = LoadConfig(file); !loaded) return {loaded.error().explanation};
  }
  return lines;
}

std::vector<std::string> ChangedSettings(const std::map<std::string, std::string>& before,
                                         const std::map<std::string, std::string>& after) {
  std::set<std::string> changed;
  for (const auto& [name, value] : before) {
    const auto now = after.find(name);
    if (now == after.end() || now->second != value) changed.insert(name);
  }
  for (const auto& [name, value] : after) {
    if (!before.contains(name)) changed.insert(name);
  }
  return {changed.begin(), changed.end()};
}

bool TakesEffectOnReload(const std::string& setting) {
  return setting.starts_with("tls.") || setting.starts_with("client[");
}

}  // namespace acb::platform
