#include "store/restoration.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "firmware/base/sha256_stream.h"
#include "store/environment.h"

namespace acb::store {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStaging = "restoring";
constexpr const char* kSpool = "tmp";  // for the bodies of large feeds, as provision makes it
constexpr std::size_t kPiece = std::size_t{1} << 20;  // read at once
constexpr mode_t kFileMode = 0600;
constexpr mode_t kDirectoryMode = 0700;

Failure SystemFailure(std::string_view doing, const fs::path& path) {
  return Failure(Reason::kStoreUnavailable, {},
                 std::string(doing) + " " + path.string() + ": " + std::strerror(errno));
}

Status SyncDirectory(const fs::path& path) {
  const Descriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory || ::fsync(directory.get()) != 0) {
    return SystemFailure("fsync", path);
  }
  return Done{};
}

Status MakeDirectory(const fs::path& path) {
  if (::mkdir(path.c_str(), kDirectoryMode) != 0) return SystemFailure("mkdir", path);
  return Done{};
}

// As LmdbEnvironment::Create leaves it: empty.
Status MakeLockFile(const fs::path& directory) {
  const fs::path path = directory / kLockFile;
  const Descriptor lock(
      ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kFileMode));
  if (!lock || ::fsync(lock.get()) != 0) return SystemFailure("create", path);
  return Done{};
}

}  // namespace

Restoration::Restoration(fs::path directory, bool made, int file)
    : directory_(std::move(directory)),
      staging_(directory_ / kStaging),
      made_directory_(made),
      file_(file) {}

Restoration::Restoration(Restoration&& other) noexcept
    : directory_(std::move(other.directory_)),
      staging_(std::move(other.staging_)),
      made_directory_(other.made_directory_),
      ours_(std::exchange(other.ours_, false)),
      file_(std::exchange(other.file_, -1)) {}

Restoration::~Restoration() {
  if (file_ >= 0) ::close(file_);
  if (ours_) TakeAway();
}

void Restoration::TakeAway() {
  std::error_code ignored;
  if (made_directory_) {
    fs::remove_all(directory_, ignored);
  } else {
    // It was empty when this began.
    for (const auto& entry : fs::directory_iterator(directory_, ignored)) {
      fs::remove_all(entry.path(), ignored);
    }
  }
  ours_ = false;
}

// From here on the directory is ours: another's mkdir of the same name fails.
Status Restoration::Claim() {
  if (auto staging = MakeDirectory(staging_); !staging) return staging;
  // One that was faster may have come to its end, and taken its own staging away, since we looked.
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory_, error)) {
    if (entry.path() == staging_) continue;
    fs::remove(staging_, error);
    return Failure(Reason::kStoreUnavailable,
                   "another restore has put a store into " + directory_.string());
  }
  if (error) return SystemFailure("read", directory_);
  ours_ = true;
  return Done{};
}

Result<Restoration> Restoration::Begin(const fs::path& directory) {
  const bool made = ::mkdir(directory.c_str(), kDirectoryMode) == 0;
  if (!made && errno != EEXIST) return SystemFailure("mkdir", directory);
  std::error_code error;
  if (!made && (!fs::is_empty(directory, error) || error)) {
    return Failure(Reason::kStoreUnavailable,
                   "the directory for the store exists and is not empty: " + directory.string() +
                       ". A backup is never restored over a store; name a new directory in "
                       "[store] directory, or move the old one away");
  }
  Restoration restoration(directory, made, -1);
  if (Status claimed = restoration.Claim(); !claimed) return std::move(claimed).error();
  const fs::path data = restoration.staging_ / kDataFile;
  restoration.file_ =
      ::open(data.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kFileMode);
  if (restoration.file_ < 0) return SystemFailure("create", data);
  return restoration;
}

Status Restoration::Append(BytesView octets) {
  while (!octets.empty()) {
    const ssize_t written = ::write(file_, octets.data(), octets.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return SystemFailure("write", staging_ / kDataFile);
    octets = octets.subspan(static_cast<std::size_t>(written));
  }
  return Done{};
}

Status Restoration::Put(std::uint64_t offset, BytesView octets) {
  while (!octets.empty()) {
    const ssize_t written =
        ::pwrite(file_, octets.data(), octets.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return SystemFailure("write", staging_ / kDataFile);
    octets = octets.subspan(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  return Done{};
}

Result<Sha256Digest> Restoration::Whole(std::uint64_t octets) {
  const fs::path data = staging_ / kDataFile;
  if (::ftruncate(file_, static_cast<off_t>(octets)) != 0) return SystemFailure("truncate", data);
  Sha256Stream sha256;
  Bytes piece(kPiece);
  for (std::uint64_t at = 0; at < octets;) {
    const ssize_t got = ::pread(file_, piece.data(), piece.size(), static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return SystemFailure("read", data);
    sha256.Update(BytesView(piece).first(static_cast<std::size_t>(got)));
    at += static_cast<std::uint64_t>(got);
  }
  return sha256.Finish();
}

Status Restoration::EndCopy() {
  if (::fsync(file_) != 0) return SystemFailure("fsync", staging_ / kDataFile);
  // Before LMDB opens the file: a close of ours would drop its locks.
  ::close(std::exchange(file_, -1));
  if (auto lock = MakeLockFile(staging_); !lock) return lock;
  return SyncDirectory(staging_);
}

Status Restoration::PutInPlace() {
  if (auto lock = MakeLockFile(directory_); !lock) return lock;
  if (auto spool = MakeDirectory(directory_ / kSpool); !spool) return spool;
  if (auto synced = SyncDirectory(directory_); !synced) return synced;
  const fs::path from = staging_ / kDataFile;
  if (::rename(from.c_str(), (directory_ / kDataFile).c_str()) != 0) {
    return SystemFailure("rename", from);
  }
  std::error_code error;
  fs::remove_all(staging_, error);
  if (error) return SystemFailure("remove", staging_);
  if (auto synced = SyncDirectory(directory_); !synced) return synced;
  if (auto synced = SyncDirectory(fs::absolute(directory_ / "..").lexically_normal()); !synced) {
    return synced;
  }
  ours_ = false;
  return Done{};
}

}  // namespace acb::store
