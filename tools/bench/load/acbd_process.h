// acbd as a child of a benchmark, and what a process has used.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>

#include "firmware/base/result.h"
#include "tools/bench/world_file.h"

namespace acb::bench {

struct Usage {
  double cpu_seconds = 0;              // user and system, all threads
  std::uint64_t anonymous_octets = 0;  // resident
};
// Of a process that runs; zeros when it does not.
Usage UsageOf(pid_t process);

// Stopped, with SIGTERM, by the destructor at the latest.
class AcbdProcess {
 public:
  // Starts `program` on the world's configuration and returns when it says that it is ready; its
  // output goes to acbd.log in the box. kConfiguration: it ended or was not ready in time.
  static Result<AcbdProcess> Start(const std::filesystem::path& program, const World& world);
  AcbdProcess(AcbdProcess&& other) noexcept;
  AcbdProcess& operator=(AcbdProcess&&) = delete;
  ~AcbdProcess();

  pid_t id() const { return process_; }
  // Waits for a clean stop. kConfiguration: it had to be killed, or ended with another status
  // than 0.
  Status Stop();

 private:
  explicit AcbdProcess(pid_t process) : process_(process) {}
  pid_t process_;  // 0: stopped
};

}  // namespace acb::bench
