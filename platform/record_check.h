// Every record of the store, read once beside the service (design.md section 6, reliability.md
// F20).
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "firmware/base/time.h"
#include "platform/log.h"
#include "store/store.h"

namespace acb::platform {

// After every start the audit log: one that does not come to what the anchor in the HSM says is not
// added to, so nothing is signed any more (P4, P6), and an `alarm` entry says why. A second's worth
// of it is read before the box is ready, which is all of a log of some 100,000 entries.
//
// After a start that followed no clean stop every record: power cuts are when disks lose what they
// said they had. A record that is damaged goes to the log, which names it, and stops what needs it
// whenever that is asked for; nothing else changes. Takes half of a processor at most, until it is
// done.
//
// What it is given must outlive it. Thread-safe.
class RecordCheck {
 public:
  // Begins at once; with all records if that is `due`. Blocks for a second at most.
  RecordCheck(store::Store& store, const Clock& clock, const Log& log, bool due);
  // Ends the check where it stands.
  ~RecordCheck();
  RecordCheck(const RecordCheck&) = delete;
  RecordCheck& operator=(const RecordCheck&) = delete;

  // Lines of the Prometheus text format: acb_record*.
  std::string Metrics() const;

 private:
  void Run();
  // In turns of work and rest, until it says that it is done; false when the box stops before.
  bool InTurns(const std::function<bool()>& step);
  bool LogStep();
  // False: at the end, or it cannot go on.
  bool Step(store::RecordPlace& place);

  store::Store& store_;
  const Clock& clock_;
  const Log& log_;
  const bool records_due_;
  store::LogPlace log_place_;
  bool log_done_ = false;
  std::atomic<std::uint64_t> records_ = 0;
  std::atomic<std::uint64_t> damaged_ = 0;
  std::atomic<bool> under_way_;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool ending_ = false;
  std::thread thread_;  // last: it uses everything above
};

}  // namespace acb::platform
