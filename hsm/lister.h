// The process that looks at the token's objects with fresh eyes.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "firmware/base/bytes.h"
#include "firmware/base/result.h"
#include "hsm/pipe.h"

namespace acb::hsm {

struct HsmSettings;

// A small process that was forked before this one loaded the module. For each listing it forks a
// child which loads the module anew, logs in under the StartLock, reads and ends: SoftHSM 2.6.1,
// asked through a session that is older than the object, misses one in 10 to 101 of 300 tries, and
// so in none (design.md section 5).
//
// The lister has no descriptor of ours but its two pipes and standard error, ignores the signals
// that stop a service or come from a terminal (the clean stop lists once more, and a service
// manager signals the whole group), cannot be traced or dumped by others, and ends with us, however
// we end. It keeps the PIN. What else it may do is limited by HsmSettings::confine_lister.
//
// One thread at a time.
class Lister {
 public:
  static constexpr std::chrono::milliseconds kDeadline{5000};

  // First of all: before the module is loaded and before any thread, with the environment already
  // set. Every listing has `deadline`. Blocks for a fork. Fails with kHsmUnavailable.
  static Result<std::unique_ptr<Lister>> Start(const HsmSettings& settings,
                                               std::chrono::milliseconds deadline = kDeadline);
  // Ends the process; a listing in it ends by itself.
  ~Lister();
  Lister(const Lister&) = delete;
  Lister& operator=(const Lister&) = delete;

  // The octets of each data object of that application (1 to 32 octets), in no order: every one
  // whose creation was over before the call. Blocks up to the deadline and a second. Fails with
  //   kHsmPin          the token refused the PIN. The lister will not try it again.
  //   kHsmUnavailable  anything else: out of time, or the module failed. When the process is dead
  //                    it stays so until a restart, and the detail says that.
  Result<std::vector<Bytes>> List(std::string_view application);

  pid_t process() const { return process_; }

 private:
  Lister(pid_t process, Pipe requests, Descriptor replies, std::chrono::milliseconds deadline);
  Result<std::vector<Bytes>> ReceiveReply(std::uint64_t number);
  ReadEnd ReceiveUpTo(std::size_t size, SteadyTime end);

  const pid_t process_;
  // Both ends: while we have a reader, writing to a dead lister is no SIGPIPE. Its end shows in
  // replies_.
  Pipe requests_;
  Descriptor replies_;
  // What has come of a reply that is not whole yet: a listing that is given up in the middle of one
  // leaves it here, and the next goes on from there.
  Bytes arriving_;
  const std::chrono::milliseconds deadline_;
  std::uint64_t last_number_ = 0;
};

}  // namespace acb::hsm
