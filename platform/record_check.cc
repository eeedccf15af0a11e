#include "platform/record_check.h"

#include <sys/prctl.h>

#include <chrono>

#include "platform/metrics.h"

namespace acb::platform {
namespace {

using Steady = std::chrono::steady_clock;

// The log is checked so long before anything can be asked of the box.
constexpr std::chrono::milliseconds kBeforeReady{1000};

// Some milliseconds: a read transaction that is long keeps LMDB from using freed pages again.
constexpr std::size_t kRecordsOfAStep = 4096;
// Each is named in the log up to here; all are counted.
constexpr std::uint64_t kMostNamed = 1000;

}  // namespace

RecordCheck::RecordCheck(store::Store& store, const Clock& clock, const Log& log, bool due)
    : store_(store), clock_(clock), log_(log), records_due_(due), under_way_(due) {
  for (const auto end = Steady::now() + kBeforeReady; !log_done_ && Steady::now() < end;) {
    log_done_ = LogStep();
  }
  if (!log_done_ || due) thread_ = std::thread([this] { Run(); });
}

RecordCheck::~RecordCheck() {
  {
    const std::scoped_lock lock(mutex_);
    ending_ = true;
  }
  ended_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool RecordCheck::InTurns(const std::function<bool()>& step) {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    lock.unlock();
    const auto begun = Steady::now();
    const bool done = step();
    lock.lock();
    if (done) return true;
    ended_.wait_for(lock, Steady::now() - begun, [this] { return ending_; });
  }
  return false;
}

void RecordCheck::Run() {
  ::prctl(PR_SET_NAME, "acb-records");
  if (!log_done_ && !InTurns([this] { return LogStep(); })) return;
  if (!records_due_) return;
  const auto begun = Steady::now();
  store::RecordPlace place;
  const bool done = InTurns([&] { return !Step(place); });
  under_way_ = false;
  if (!done) return;
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Steady::now() - begun);
  log_.Notice("records-checked", {{"records", records_.load()},
                                  {"damaged", damaged_.load()},
                                  {"milliseconds", static_cast<std::uint64_t>(took.count())}});
}

bool RecordCheck::LogStep() {
  const Status sound = store_.CheckLog(log_place_, kRecordsOfAStep);
  if (sound) return log_place_.at_end();
  if (sound.error().reason != Reason::kRecordDamaged) {
    log_.Failed(LogLevel::kError, "log-check-failed", sound.error());
    return true;
  }
  Failure why = sound.error();
  why.explanation = "the audit log is not what was written: nothing is signed on it";
  store_.StopReserving(why);
  log_.Failed(LogLevel::kError, "audit-log-damaged", why);
  audit::Entry alarm("alarm", clock_.Now());
  alarm.Set("alarm", Describe(why.reason).name)
      .Set("what", why.explanation)
      .Set("record", why.detail);
  if (const auto written = store_.Append(alarm); !written) {
    log_.Failed(LogLevel::kError, "alarm-not-written", written.error());
  }
  return true;
}

bool RecordCheck::Step(store::RecordPlace& place) {
  const auto checked = store_.CheckRecords(place, kRecordsOfAStep);
  if (!checked) {
    log_.Failed(LogLevel::kError, "record-check-failed", checked.error());
    return false;
  }
  records_ += checked->records;
  for (const Failure& failure : checked->damaged) {
    if (damaged_++ < kMostNamed) log_.Failed(LogLevel::kError, "record-damaged", failure);
  }
  return !checked->at_end;
}

std::string RecordCheck::Metrics() const {
  return MetricText("acb_records_checked_total", "counter",
                    "Records read by the check that follows an unclean stop.", records_) +
         MetricText("acb_records_damaged", "gauge", "Of these, those that are damaged.", damaged_) +
         MetricText("acb_record_check_under_way", "gauge", "1 while that check runs.",
                    under_way_ ? 1 : 0);
}

}  // namespace acb::platform
