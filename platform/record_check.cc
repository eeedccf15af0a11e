#include "platform/record_check.h"

#include <sys/prctl.h>

#include <chrono>

#include "platform/metrics.h"

namespace acb::platform {
namespace {

using Clock = std::chrono::steady_clock;

// Some milliseconds: a read transaction that is long keeps LMDB from using freed pages again.
constexpr std::size_t kRecordsOfAStep = 4096;
// Each is named in the log up to here; all are counted.
constexpr std::uint64_t kMostNamed = 1000;

}  // namespace

RecordCheck::RecordCheck(const store::Store& store, const Log& log, bool due)
    : store_(store), log_(log), under_way_(due) {
  if (due) thread_ = std::thread([this] { Run(); });
}

RecordCheck::~RecordCheck() {
  {
    const std::scoped_lock lock(mutex_);
    ending_ = true;
  }
  ended_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void RecordCheck::Run() {
  ::prctl(PR_SET_NAME, "acb-records");
  const auto begun = Clock::now();
  store::RecordPlace place;
  std::unique_lock lock(mutex_);
  while (!ending_) {
    lock.unlock();
    const auto step = Clock::now();
    const bool more = Step(place);
    lock.lock();
    if (!more) break;
    ended_.wait_for(lock, Clock::now() - step, [this] { return ending_; });
  }
  under_way_ = false;
  if (ending_) return;
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begun);
  log_.Notice("records-checked", {{"records", records_.load()},
                                  {"damaged", damaged_.load()},
                                  {"milliseconds", static_cast<std::uint64_t>(took.count())}});
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
