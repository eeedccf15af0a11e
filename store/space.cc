#include "store/space.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <string>

namespace acb::store {
namespace {

Space::Look LookAt(const std::filesystem::path& directory) {
  return [directory]() -> std::optional<Space::FileSystem> {
    struct statvfs status {};
    if (::statvfs(directory.c_str(), &status) != 0) return {};
    return Space::FileSystem{std::uint64_t{status.f_blocks} * status.f_frsize,
                             std::uint64_t{status.f_bavail} * status.f_frsize};
  };
}

std::uint64_t DefaultReserve(std::uint64_t map_size, const std::optional<Space::FileSystem>& disk) {
  std::uint64_t reserve = std::min(kGreatestDefaultReserve, map_size / kReserveShare);
  if (disk) reserve = std::min(reserve, disk->size / kReserveShare);
  return reserve;
}

Failure Full(std::string_view of, std::uint64_t left, std::uint64_t reserve,
             std::string_view way_out) {
  return {Reason::kStoreFull,
          {},
          std::string(of) + " has " + std::to_string(left) + " octets left and " +
              std::to_string(reserve) + " are kept in reserve: " + std::string(way_out)};
}

}  // namespace

Space::Space(std::shared_ptr<const LmdbEnvironment> environment,
             const std::filesystem::path& directory, std::optional<std::uint64_t> reserve,
             Look look)
    : environment_(std::move(environment)),
      look_(look ? std::move(look) : LookAt(directory)),
      reserve_(reserve ? *reserve : DefaultReserve(environment_->map_size(), look_())) {}

std::optional<Space::FileSystem> Space::LookAtMostOnceASecond() const {
  const auto now = std::chrono::steady_clock::now();
  const std::lock_guard lock(mutex_);
  if (!looked_at_ || now - *looked_at_ >= kSpaceInterval) {
    seen_ = look_();
    looked_at_ = now;
  }
  return seen_;
}

Status Space::Check() const {
  const std::uint64_t size = environment_->map_size();
  const std::uint64_t used = environment_->used();
  const std::uint64_t left = size > used ? size - used : 0;
  if (left < reserve_) {
    return Full("the store's map", left, reserve_, "raise [store] map_size_gib and restart");
  }
  // One that cannot be asked is met again by the next write, which says why.
  const auto disk = LookAtMostOnceASecond();
  if (disk && disk->available < reserve_) {
    return Full("the store's file system", disk->available, reserve_, "make room there");
  }
  return Done{};
}

std::optional<std::uint64_t> Space::DiskAvailable() const {
  const auto disk = LookAtMostOnceASecond();
  if (!disk) return {};
  return disk->available;
}

}  // namespace acb::store
