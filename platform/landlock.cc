#include "platform/landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

#include "firmware/base/descriptor.h"

namespace acb::platform {
namespace {

// Debian 12's headers stop at ABI 2: the rest by value (linux/landlock.h of Linux 6.12).
constexpr std::uint64_t kTruncate = std::uint64_t{1} << 14U;          // ABI 3
constexpr std::uint64_t kIoctlDevice = std::uint64_t{1} << 15U;       // ABI 5
constexpr std::uint64_t kBindTcp = std::uint64_t{1} << 0U;            // ABI 4
constexpr std::uint64_t kConnectTcp = std::uint64_t{1} << 1U;         // ABI 4
constexpr std::uint64_t kScopeAbstractUnix = std::uint64_t{1} << 0U;  // ABI 6
constexpr std::uint64_t kScopeSignal = std::uint64_t{1} << 1U;        // ABI 6
constexpr int kRulePathBeneath = 1;
constexpr int kRuleNetPort = 2;

struct Attributes {
  std::uint64_t access_fs;
  std::uint64_t access_net;
  std::uint64_t scoped;
};
struct PortRule {
  std::uint64_t allowed;
  std::uint64_t port;
};

constexpr std::uint64_t kReadFile = LANDLOCK_ACCESS_FS_READ_FILE;
constexpr std::uint64_t kRead = kReadFile | LANDLOCK_ACCESS_FS_READ_DIR;
// No device, socket, pipe or symbolic link is ever made.
constexpr std::uint64_t kWriteFile = kReadFile | LANDLOCK_ACCESS_FS_WRITE_FILE | kTruncate;
constexpr std::uint64_t kWrite = kRead | kWriteFile | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                                 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
                                 LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REFER;

// Every right that the ABI knows: what no rule gives is refused.
std::uint64_t FileRights(int abi) {
  std::uint64_t rights = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1U) - 1;
  if (abi >= 2) rights |= LANDLOCK_ACCESS_FS_REFER;
  if (abi >= 3) rights |= kTruncate;
  if (abi >= 5) rights |= kIoctlDevice;
  return rights;
}

Failure Refused(const std::string& what) {
  return Failure(Reason::kConfiguration, "the kernel refused to limit this process: " + what +
                                             ": " + std::generic_category().message(errno));
}

Status AllowPath(const Descriptor& rules, const std::filesystem::path& path, bool write,
                 std::uint64_t handled) {
  const Descriptor at(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!at) return Done{};  // what is not there cannot be opened either
  struct stat status {};
  if (::fstat(at.get(), &status) != 0) return Refused(path.string());
  const bool directory = S_ISDIR(status.st_mode);
  const std::uint64_t wanted =
      write ? (directory ? kWrite : kWriteFile) : (directory ? kRead : kReadFile);
  const landlock_path_beneath_attr rule{.allowed_access = wanted & handled, .parent_fd = at.get()};
  if (::syscall(SYS_landlock_add_rule, rules.get(), kRulePathBeneath, &rule, 0) != 0) {
    return Refused(path.string());
  }
  return Done{};
}

Status AllowPorts(const Descriptor& rules, const std::vector<std::uint16_t>& ports,
                  std::uint64_t access) {
  for (const std::uint16_t port : ports) {
    const PortRule rule{.allowed = access, .port = port};
    if (::syscall(SYS_landlock_add_rule, rules.get(), kRuleNetPort, &rule, 0) != 0) {
      return Refused("port " + std::to_string(port));
    }
  }
  return Done{};
}

}  // namespace

std::optional<int> LandlockAbi() {
  const long abi =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (abi < 1) return std::nullopt;
  return static_cast<int>(abi);
}

Status ApplyLandlock(int abi, const SandboxPlan& plan, LandlockScope scope) {
  Attributes attributes{.access_fs = FileRights(abi), .access_net = 0, .scoped = 0};
  std::size_t size = sizeof attributes.access_fs;
  if (abi >= 4) {
    attributes.access_net = kBindTcp | kConnectTcp;
    size += sizeof attributes.access_net;
  }
  if (abi >= 6) {
    attributes.scoped = kScopeAbstractUnix | (scope.signals ? kScopeSignal : 0);
    size += sizeof attributes.scoped;
  }
  const Descriptor rules(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, size, 0)));
  if (!rules) return Refused("landlock_create_ruleset");
  for (const auto& path : plan.readable) {
    if (Status good = AllowPath(rules, path, false, attributes.access_fs); !good) return good;
  }
  for (const auto& path : plan.writable) {
    if (Status good = AllowPath(rules, path, true, attributes.access_fs); !good) return good;
  }
  if (attributes.access_net != 0) {
    if (Status good = AllowPorts(rules, plan.connect_ports, kConnectTcp); !good) return good;
    if (Status good = AllowPorts(rules, plan.bind_ports, kBindTcp); !good) return good;
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return Refused("no_new_privs");
  if (::syscall(SYS_landlock_restrict_self, rules.get(), 0) != 0) {
    return Refused("landlock_restrict_self");
  }
  return Done{};
}

}  // namespace acb::platform
