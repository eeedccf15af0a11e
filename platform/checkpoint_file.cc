#include "platform/checkpoint_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "platform/descriptor.h"

namespace acb::platform {
namespace {

Failure CannotWrite(const std::filesystem::path& file, int error) {
  return {Reason::kConfiguration,
          "checkpoints cannot be written to " + file.string() + ": " + std::strerror(error)};
}

// 0, or why not.
int WriteAll(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    if (written == 0) return EIO;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

int Flush(int descriptor) {
  // A pipe or a terminal has nothing to flush.
  if (::fdatasync(descriptor) == 0 || errno == EINVAL || errno == EROFS) return 0;
  return errno;
}

// A new file is there for good only when its directory is on the disk.
int FlushDirectory(const std::filesystem::path& file) {
  const Descriptor directory(
      ::open(file.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return directory ? Flush(directory.get()) : errno;
}

int AppendTo(const std::filesystem::path& file, std::string_view note) {
  // O_NONBLOCK: a FIFO without a reader must not hold the keeper of the checkpoints.
  const Descriptor out(::open(file.c_str(),
                              O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
                              S_IRUSR | S_IWUSR | S_IRGRP));
  if (!out) return errno;
  struct stat before {};
  if (::fstat(out.get(), &before) != 0) return errno;
  int error = WriteAll(out.get(), note);
  if (error == 0) error = Flush(out.get());
  if (error == 0 && before.st_size == 0) error = FlushDirectory(file);
  // Half a note, or one that will be written again: away with it. Where that fails too, the note
  // that follows it is whole.
  if (error != 0 && S_ISREG(before.st_mode) && ::ftruncate(out.get(), before.st_size) != 0) {
    return errno;
  }
  return error;
}

}  // namespace

Status CheckpointFile::Append(std::string note) {
  if (file_.empty()) return Done{};
  if (pending_.size() == kMaxPendingNotes) pending_.pop_front();
  pending_.push_back(std::move(note));
  while (!pending_.empty()) {
    if (const int error = AppendTo(file_, pending_.front()); error != 0) {
      return CannotWrite(file_, error);
    }
    pending_.pop_front();
  }
  return Done{};
}

}  // namespace acb::platform
