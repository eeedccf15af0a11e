// The rows of a devices feed, block by block: parsed, packed for the store and sorted.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "firmware/base/result.h"
#include "firmware/feeds/csv.h"
#include "firmware/feeds/devices.h"
#include "platform/http_message.h"
#include "platform/row_sorter.h"

namespace acb::platform {

struct DeviceReject {
  std::uint64_t line;
  std::string reason;
};

// Enough to mend a file by; the rest are counted.
inline constexpr std::size_t kMaxDeviceRejects = 100;

// Whether long work is still wanted. Thread-safe.
using GoesOn = std::function<Status()>;
inline Status Always() { return Done{}; }

// What a parser takes at one time.
inline constexpr std::size_t kDeviceBlockOctets = std::size_t{1} << 20;

// Whole rows of the file: from `begin` on in `held`, or `mapped`, a part of `file`.
struct DeviceBlock {
  std::string held = {};
  std::size_t begin = 0;
  std::uint64_t line = 0;  // of the file, where the rows begin
  const HttpBody* file = nullptr;
  std::string_view mapped = {};

  std::string_view Text() const {
    return file == nullptr ? std::string_view(held).substr(begin) : mapped;
  }
};

// Hands blocks from the thread that receives them to the parsers', at most kMost at a time.
// Thread-safe.
class DeviceBlocks {
 public:
  // Blocks while there are kMost. After Stop the block is dropped.
  void Push(DeviceBlock block);
  // Blocks until there is one; nothing after the last, or after Stop.
  std::optional<DeviceBlock> Pop();
  // No more come.
  void Close();
  // Nobody wants them any more.
  void Stop();
  bool stopped() const;

  // Memory goes round: a fresh megabyte for each block costs as much as parsing it, in page faults.
  std::string Spare();
  void GiveBack(std::string buffer);

 private:
  static constexpr std::size_t kMost = 4;
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<DeviceBlock> blocks_;
  std::vector<std::string> spare_;
  bool closed_ = false;
  bool stopped_ = false;
};

// What a row is asked. `check` is asked about each key agreement certificate, by several threads at
// once, and `key_alone` before it (ParseDeviceWith).
struct DeviceChecks {
  feeds::CertificateCheck check;
  feeds::KeyCheck key_alone = {};
  GoesOn goes_on = Always;
};

// One thread's part of the work. `checks` outlives it.
class DeviceParser {
 public:
  DeviceParser(const std::filesystem::path& scratch, const DeviceChecks& checks)
      : checks_(checks), sorter_(std::in_place, scratch) {}

  // Until the blocks are at their end, then Finish; or until they are stopped, as a failure does
  // for all, then Drop.
  void Run(const feeds::CsvReader& header, DeviceBlocks& blocks);
  // Not after a failure. A wrong row is a reject; a failure is that of `goes_on` or of the sorter.
  void Take(const feeds::CsvReader& header, const DeviceBlock& block);
  // After the last block; may be called again.
  void Finish();
  // Rows that nobody will read give their disk and their memory back.
  void Drop() { sorter_.reset(); }

  const Status& outcome() const { return outcome_; }
  std::uint64_t rows() const { return rows_; }
  std::uint64_t rejected() const { return rejected_; }
  // The first of them.
  const std::vector<DeviceReject>& rejects() const { return rejects_; }
  // After Finish, when the outcome is good.
  RowSorter TakeSorter() { return *std::move(sorter_); }

 private:
  Status Read(const feeds::CsvReader& header, const DeviceBlock& block);
  Status TakeRow(const Result<std::optional<feeds::CsvRow>>& row, std::uint64_t line);

  const DeviceChecks& checks_;
  std::optional<RowSorter> sorter_;  // until Drop
  std::vector<DeviceReject> rejects_;
  std::uint64_t rejected_ = 0;
  std::uint64_t rows_ = 0;
  Status outcome_ = Done{};
};

}  // namespace acb::platform
