// D(B) of issue 6, and the peer "one LMDB commit per counter without grouping": LMDB by raw calls,
// default sync. No LMDB in this header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>

#include "firmware/base/result.h"
#include "tools/bench/in_flight.h"

namespace acb::bench {

// The records: 8 octets of key (a device), 200 of value.
inline constexpr std::size_t kRecordOctets = 200;

// An environment of its own with one record for each of `devices` devices. One thread at a time.
// Every call fails with kStoreUnavailable.
class RawLmdb {
 public:
  // Makes `directory`, which must not exist; what is in it is the caller's to remove.
  static Result<std::unique_ptr<RawLmdb>> Create(const std::filesystem::path& directory,
                                                 std::uint64_t devices);
  ~RawLmdb();
  RawLmdb(const RawLmdb&) = delete;
  RawLmdb& operator=(const RawLmdb&) = delete;

  // Commits of `batch` records each; `per_s` counts commits.
  //   Overwrite: of devices at random.  Append: new keys, each above all others (MDB_APPEND).
  Result<Rate> Overwrite(std::size_t batch, double seconds);
  Result<Rate> Append(std::size_t batch, double seconds);
  // One counter a commit: the device's record is read, its counter raised, the record put.
  Result<Rate> RaiseCounters(double seconds);

 private:
  struct Environment;
  explicit RawLmdb(std::unique_ptr<Environment> environment);
  std::unique_ptr<Environment> environment_;
};

// Medians of writing 4 KiB and fdatasync, in ms, on a scratch file in `directory`.
struct FlushTimes {
  double overwrite_ms = 0;
  double append_ms = 0;
};
Result<FlushTimes> MeasureFlush(const std::filesystem::path& directory, double seconds);

}  // namespace acb::bench
