// Every record of the store, read once beside the service (design.md section 6, reliability.md
// F20).
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

#include "platform/log.h"
#include "store/store.h"

namespace acb::platform {

// After a start that followed no clean stop: power cuts are when disks lose what they said they
// had. A record that is damaged goes to the log, which names it, and stops what needs it whenever
// that is asked for; nothing else changes. Takes half of a processor at most, until it is done.
//
// What it is given must outlive it. Thread-safe.
class RecordCheck {
 public:
  // Begins at once if it is `due`.
  RecordCheck(const store::Store& store, const Log& log, bool due);
  // Ends the check where it stands.
  ~RecordCheck();
  RecordCheck(const RecordCheck&) = delete;
  RecordCheck& operator=(const RecordCheck&) = delete;

  // Lines of the Prometheus text format: acb_record*.
  std::string Metrics() const;

 private:
  void Run();
  // False: at the end, or it cannot go on.
  bool Step(store::RecordPlace& place);

  const store::Store& store_;
  const Log& log_;
  std::atomic<std::uint64_t> records_ = 0;
  std::atomic<std::uint64_t> damaged_ = 0;
  std::atomic<bool> under_way_;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool ending_ = false;
  std::thread thread_;  // last: it uses everything above
};

}  // namespace acb::platform
