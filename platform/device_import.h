// The devices feed, for files of many millions of rows: checked once, on two cores, and made ready
// for the store in order of device. Memory does not grow with the file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "firmware/base/result.h"
#include "firmware/base/sha256.h"
#include "firmware/feeds/devices.h"
#include "platform/http_message.h"
#include "platform/row_sorter.h"
#include "store/store.h"

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

// A file whose every row was looked at. Its good rows wait in files without a name, as long as this
// lives.
class PreparedDevices {
 public:
  // Blocks for all of the file: some 5 microseconds a row on one core. A device that is in the
  // file twice is a reject at its later line: the order of rows decides nothing. Fails with
  //   kFeedRejected      the header is not that of the feed.
  //   kStoreUnavailable  no room in `scratch`.
  //   that of `goes_on`, which is asked at each piece of the file and each row on the way back.
  // `check` is asked about each key agreement certificate, by several threads at once, and
  // `key_alone` before it (ParseDeviceWith).
  static Result<PreparedDevices> From(const HttpBody& file, const std::filesystem::path& scratch,
                                      const feeds::CertificateCheck& check,
                                      const feeds::KeyCheck& key_alone = {},
                                      const GoesOn& goes_on = Always);

  const Sha256Digest& sha256() const { return sha256_; }  // of the file
  store::HubColumn hub() const { return hub_; }
  std::uint64_t rows() const { return rows_; }
  std::uint64_t rejected() const { return rejected_; }
  // The first of them, in order of line.
  const std::vector<DeviceReject>& rejects() const { return rejects_; }

  // The good rows in order of device, one a call. It may be called once; this must outlive it.
  store::PackedDeviceSource Source() const;

 private:
  PreparedDevices() = default;
  Status FindTwins(const GoesOn& goes_on);
  void KeepFirst();  // rejects, in order of line

  Sha256Digest sha256_{};
  store::HubColumn hub_ = store::HubColumn::kAbsent;
  std::uint64_t rows_ = 0;
  std::uint64_t rejected_ = 0;
  std::vector<DeviceReject> rejects_;
  std::vector<RowSorter> sorters_;
};

}  // namespace acb::platform
