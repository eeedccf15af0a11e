#include "store/restoration.h"

#include <fcntl.h>
#include <sys/file.h>
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

Restoration::Restoration(fs::path directory, bool made)
    : directory_(std::move(directory)), staging_(directory_ / kStaging), made_directory_(made) {}

Restoration::Restoration(Restoration&& other) noexcept
    : directory_(std::move(other.directory_)),
      staging_(std::move(other.staging_)),
      made_directory_(other.made_directory_),
      ours_(std::exchange(other.ours_, false)),
      claim_(std::move(other.claim_)),
      file_(std::move(other.file_)) {}

Restoration::~Restoration() {
  if (ours_) TakeAway();
}

// The staging goes last: while it is there, the rest is known for what it is.
void Restoration::TakeAway() {
  std::error_code ignored;
  for (const char* name : {kDataFile, kLockFile, kSpool, kStaging}) {
    fs::remove_all(directory_ / name, ignored);
  }
  if (made_directory_) fs::remove(directory_, ignored);
  ours_ = false;
}

// What a restoration that was killed leaves before its last step: no data file, and nothing in the
// spool. Only a staging directory says that it was one.
Status Restoration::CheckFree() const {
  std::error_code error;
  const bool begun = fs::is_directory(fs::symlink_status(staging_, error));
  for (const auto& entry : fs::directory_iterator(directory_, error)) {
    const fs::path name = entry.path().filename();
    if (begun && (name == kStaging || name == kLockFile || name == kSpool)) continue;
    return Failure(Reason::kStoreUnavailable,
                   "the directory for the store exists and is not empty: " + directory_.string() +
                       ". A backup is never restored over a store; name a new directory in "
                       "[store] directory, or move the old one away");
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return Failure(Reason::kStoreUnavailable, {},
                   "read " + directory_.string() + ": " + error.message());
  }
  return Done{};
}

// From here on the directory is ours: the lock ends with the process, however that ends.
Status Restoration::Claim() {
  claim_ = Descriptor(::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!claim_) return SystemFailure("open", directory_);
  const bool locked = ::flock(claim_.get(), LOCK_EX | LOCK_NB) == 0;
  if (!locked && errno != EWOULDBLOCK) return SystemFailure("flock", directory_);
  // One that was faster may have given up, and taken the directory away that we have opened.
  struct stat opened {};
  struct stat named {};
  const bool same = ::fstat(claim_.get(), &opened) == 0 &&
                    ::stat(directory_.c_str(), &named) == 0 && opened.st_dev == named.st_dev &&
                    opened.st_ino == named.st_ino;
  if (!locked || !same) {
    return Failure(Reason::kStoreUnavailable,
                   "another restore is under way in " + directory_.string());
  }
  if (Status free = CheckFree(); !free) return free;
  ours_ = true;
  std::error_code error;
  for (const char* left : {kLockFile, kSpool}) fs::remove(directory_ / left, error);
  fs::remove_all(staging_, error);
  return MakeDirectory(staging_);
}

Result<Restoration> Restoration::Begin(const fs::path& directory) {
  const bool made = ::mkdir(directory.c_str(), kDirectoryMode) == 0;
  if (!made && errno != EEXIST) return SystemFailure("mkdir", directory);
  Restoration restoration(directory, made);
  if (Status claimed = restoration.Claim(); !claimed) return std::move(claimed).error();
  const fs::path data = restoration.staging_ / kDataFile;
  restoration.file_ = Descriptor(
      ::open(data.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kFileMode));
  if (!restoration.file_) return SystemFailure("create", data);
  return restoration;
}

Status Restoration::Append(BytesView octets) {
  while (!octets.empty()) {
    const ssize_t written = ::write(file_.get(), octets.data(), octets.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return SystemFailure("write", staging_ / kDataFile);
    octets = octets.subspan(static_cast<std::size_t>(written));
  }
  return Done{};
}

Status Restoration::Put(std::uint64_t offset, BytesView octets) {
  while (!octets.empty()) {
    const ssize_t written =
        ::pwrite(file_.get(), octets.data(), octets.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return SystemFailure("write", staging_ / kDataFile);
    octets = octets.subspan(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  return Done{};
}

Result<Sha256Digest> Restoration::Whole(std::uint64_t octets) {
  const fs::path data = staging_ / kDataFile;
  if (::ftruncate(file_.get(), static_cast<off_t>(octets)) != 0)
    return SystemFailure("truncate", data);
  Sha256Stream sha256;
  Bytes piece(kPiece);
  for (std::uint64_t at = 0; at < octets;) {
    const ssize_t got = ::pread(file_.get(), piece.data(), piece.size(), static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return SystemFailure("read", data);
    sha256.Update(BytesView(piece).first(static_cast<std::size_t>(got)));
    at += static_cast<std::uint64_t>(got);
  }
  return sha256.Finish();
}

Status Restoration::EndCopy() {
  if (::fsync(file_.get()) != 0) return SystemFailure("fsync", staging_ / kDataFile);
  // Before LMDB opens the file: a close of ours would drop its locks.
  file_.Close();
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
