#include "tools/acbctl/part_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <utility>

namespace acb::acbctl {
namespace {

Failure CannotWrite(const std::filesystem::path& file) {
  return Failure(Reason::kConfiguration,
                 "cannot write " + file.string() + ": " + std::strerror(errno));
}

// Whether `path` is still the file that was opened: another process may have kept or dropped it
// before the lock was ours.
bool IsStill(int file, const std::filesystem::path& path) {
  struct stat opened {};
  struct stat named {};
  return ::fstat(file, &opened) == 0 && ::lstat(path.c_str(), &named) == 0 &&
         opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

Result<Descriptor> OpenLocked(const std::filesystem::path& part) {
  while (true) {  // once more for each process that ended in between
    Descriptor file(::open(part.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file && errno == ELOOP && ::unlink(part.c_str()) == 0) continue;
    if (!file) return CannotWrite(part);
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return CannotWrite(part);
      return Failure(Reason::kConfiguration, "another process is writing " + part.string());
    }
    if (IsStill(file.get(), part)) return file;
  }
}

// Over nothing, where the file system cannot promise that (NFS): whoever else would write this file
// holds the lock that is ours, which leaves strangers in the moment between look and rename.
bool Rename(const std::filesystem::path& from, const std::filesystem::path& to,
            PartFile::Over over) {
  if (over == PartFile::Over::kNothing) {
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) {
      return true;
    }
    if (errno != EINVAL) return false;
    if (::access(to.c_str(), F_OK) == 0) errno = EEXIST;
    if (errno != ENOENT) return false;
  }
  return ::rename(from.c_str(), to.c_str()) == 0;
}

}  // namespace

PartFile::PartFile(std::filesystem::path path, std::filesystem::path part, Descriptor file)
    : path_(std::move(path)), part_(std::move(part)), file_(std::move(file)) {}

PartFile::PartFile(PartFile&& other) noexcept
    : path_(std::move(other.path_)),
      part_(std::move(other.part_)),
      file_(std::move(other.file_)),
      ours_(std::exchange(other.ours_, false)) {}

PartFile::~PartFile() {
  if (ours_) ::unlink(part_.c_str());
}

Result<PartFile> PartFile::Open(const std::filesystem::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) return OpenDevice(path);
  const std::filesystem::path part = path.string() + ".part";
  auto file = OpenLocked(part);
  if (!file) return std::move(file).error();
  PartFile opened(path, part, *std::move(file));
  if (::ftruncate(opened.file_.get(), 0) != 0) return CannotWrite(part);
  return opened;
}

// /dev/stdout, /dev/null, a pipe: a name that must stay what it is.
Result<PartFile> PartFile::OpenDevice(const std::filesystem::path& path) {
  Descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file) return CannotWrite(path);
  PartFile opened(path, path, std::move(file));
  opened.ours_ = false;
  return opened;
}

Status PartFile::Write(std::string_view octets) {
  while (!octets.empty()) {
    const ssize_t written = ::write(file_.get(), octets.data(), octets.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return CannotWrite(part_);
    octets.remove_prefix(static_cast<std::size_t>(written));
  }
  return Done{};
}

Status PartFile::Keep(Over over) {
  if (!ours_) return Done{};
  if (::fsync(file_.get()) != 0 || !Rename(part_, path_, over)) return CannotWrite(path_);
  ours_ = false;
  const auto folder = std::filesystem::absolute(path_).parent_path();
  const Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory || ::fsync(directory.get()) != 0) return CannotWrite(path_);
  return Done{};
}

Status WriteWhole(const std::filesystem::path& path, std::string_view text) {
  auto file = PartFile::Open(path);
  if (!file) return std::move(file).error();
  if (Status written = file->Write(text); !written) return written;
  return file->Keep(PartFile::Over::kWhatHasTheName);
}

}  // namespace acb::acbctl
