// What the process may still do once it is open: design.md section 9; reliability.md F24.
//
// Two layers, each for a reason. Landlock limits files and outgoing connections by what they are
// called; it binds the thread that asks and what that thread begins, so it comes before the first
// thread, and allows what opening still needs. The list of system calls (seccomp) binds every
// thread at once and comes last, when nothing is left to open and nobody has been served yet.
// Neither can be taken back.
//
// What is not allowed fails with EPERM or EACCES: it does not end the process. What was asked for
// is as undone either way; but a library that tries a call it can do without (syslog, a name
// service) would end the box, and each end costs every device a window of counters. The kernel's
// audit log has each refusal of a call (SECCOMP_FILTER_FLAG_LOG).
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "firmware/base/result.h"
#include "platform/log.h"

namespace acb::platform {

struct Config;

// Files by path; a directory means all below it. What does not exist when it is applied is left
// out.
struct SandboxPlan {
  std::vector<std::filesystem::path> readable;
  std::vector<std::filesystem::path> writable;
  std::vector<std::uint16_t> connect_ports;  // outgoing TCP; none: no socket can be made at all
  std::vector<std::uint16_t> bind_ports;
};

// What `acbd` needs with this configuration, and what its lister needs: the module and the token.
SandboxPlan ServicePlan(const Config& config);
SandboxPlan ListerPlan(const Config& config);

// False in builds with a sanitizer: its run time opens, forks and traces as it likes, so both
// layers are left out there.
bool SandboxBuilt();

// What came of it, for /readyz and /metrics.
struct SandboxState {
  bool calls = false;
  std::optional<int> landlock_abi;
  std::string off;  // why nothing is limited; empty: both layers are asked for
};

// The two layers of one process. `config` and `log` must outlive it.
class Sandbox {
 public:
  Sandbox(const Config& config, const Log& log);

  // In the process that was forked to list objects: both layers, in the form that lets it fork.
  // False when one is missing that is required.
  bool ConfineLister() const;

  // While the process has one thread; the second time it does nothing. kConfiguration: the kernel
  // has no Landlock and [hardening] requires it, or has it and refused.
  Status RestrictFiles();

  // Every thread may from now on only make the calls of a box at work: no exec, no fork, no ptrace,
  // no new program code in memory; without outgoing ports no socket. It may signal `lister` (0:
  // none) and itself alone. kConfiguration: the kernel refused.
  Status RestrictCalls(pid_t lister);

  // Thread-safe.
  SandboxState state() const;

 private:
  const Config& config_;
  const Log& log_;
  std::string off_;
  bool files_asked_ = false;  // this and the next: written while there is one thread
  std::optional<int> abi_;
  std::atomic<bool> calls_ = false;
};

}  // namespace acb::platform
