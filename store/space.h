// The reserve of space (issue 4): below it no new work is taken, so that what was begun, refusals
// and the operators' acts can still be written. Private to store/.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>

#include "firmware/base/result.h"
#include "store/environment.h"

namespace acb::store {

// The file system is asked at most once in this time.
inline constexpr std::chrono::milliseconds kSpaceInterval{1000};
inline constexpr std::uint64_t kGreatestDefaultReserve = std::uint64_t{64} << 20;  // octets
inline constexpr std::uint64_t kReserveShare = 16;  // of the file system, of the map

// Thread-safe.
class Space {
 public:
  // Octets of the file system.
  struct FileSystem {
    std::uint64_t size = 0;
    std::uint64_t available = 0;
  };
  // nullopt: it cannot be asked.
  using Look = std::function<std::optional<FileSystem>()>;

  // `reserve` in octets; none: the smallest of 64 MiB and a sixteenth of file system and map.
  Space(std::shared_ptr<const LmdbEnvironment> environment, const std::filesystem::path& directory,
        std::optional<std::uint64_t> reserve, Look look);

  // kStoreFull: less than the reserve is left, of the map or of the file system.
  Status Check() const;
  std::uint64_t reserve() const { return reserve_; }
  // Octets that the file system has left; nothing when it cannot be asked.
  std::optional<std::uint64_t> DiskAvailable() const;

 private:
  std::optional<FileSystem> LookAtMostOnceASecond() const;

  const std::shared_ptr<const LmdbEnvironment> environment_;
  const Look look_;
  const std::uint64_t reserve_;

  mutable std::mutex mutex_;  // guards what follows
  mutable std::optional<std::chrono::steady_clock::time_point> looked_at_;
  mutable std::optional<FileSystem> seen_;
};

}  // namespace acb::store
