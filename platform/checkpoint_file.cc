#include "platform/checkpoint_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "firmware/base/descriptor.h"

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

constexpr std::size_t kMaxTail = 16 * 1024;          // several notes of this box
constexpr std::string_view kDash = "\xE2\x80\x94 ";  // begins each line of a signature

// The last octets of a regular file; none where it cannot be read, or is another one by now.
std::string TailOf(const std::filesystem::path& file, const struct stat& wanted) {
  const auto size = static_cast<std::size_t>(wanted.st_size);
  std::string tail(std::min(size, kMaxTail), '\0');
  const Descriptor in(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat opened {};
  if (!in || ::fstat(in.get(), &opened) != 0) return {};
  if (opened.st_dev != wanted.st_dev || opened.st_ino != wanted.st_ino) return {};
  const ssize_t got =
      ::pread(in.get(), tail.data(), tail.size(), static_cast<off_t>(size - tail.size()));
  return got == static_cast<ssize_t>(tail.size()) ? tail : std::string();
}

// How many octets at its end come after the last whole note.
std::size_t AfterLastNote(std::string_view tail) {
  std::size_t end = tail.rfind('\n');
  while (end != std::string_view::npos) {
    const std::size_t before = end == 0 ? std::string_view::npos : tail.rfind('\n', end - 1);
    const std::size_t begin = before == std::string_view::npos ? 0 : before + 1;
    if (tail.substr(begin, end - begin).starts_with(kDash)) return tail.size() - (end + 1);
    end = before;
  }
  return tail.size();
}

// Whether `rest` is what a kill or a loss of power left of a note of the same log: its beginning,
// zeros, or both. Whatever else it is, it is not ours to take away.
bool IsTorn(std::string_view rest, std::string_view note) {
  rest = rest.substr(0, rest.find_last_not_of('\0') + 1);
  const std::string_view origin = note.substr(0, note.find('\n') + 1);
  return rest.starts_with(origin) || origin.starts_with(rest);
}

// Takes a torn note away, which would make that which follows it unreadable. 0, or why not.
int MendEnd(int out, std::string_view tail, std::string_view note, off_t& size) {
  const std::size_t rest = AfterLastNote(tail);
  if (rest == 0 || !IsTorn(tail.substr(tail.size() - rest), note)) return 0;
  const off_t whole = size - static_cast<off_t>(rest);
  // Longer than any note: no beginning of one.
  if (rest == kMaxTail && whole > 0) return 0;
  if (::ftruncate(out, whole) != 0) return errno;
  size = whole;
  return 0;
}

// A new file is for the group to read, whatever the umask: that is who carries the notes away. One
// that is there keeps its mode.
Descriptor OpenToAppend(const std::filesystem::path& file) {
  // O_NONBLOCK: a FIFO without a reader must not hold the keeper of the checkpoints.
  constexpr int kFlags = O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  constexpr mode_t kMode = S_IRUSR | S_IWUSR | S_IRGRP;
  Descriptor there(::open(file.c_str(), kFlags));
  if (there || errno != ENOENT) return there;
  Descriptor made(::open(file.c_str(), kFlags | O_CREAT, kMode));
  if (made && ::fchmod(made.get(), kMode) != 0) return Descriptor();
  return made;
}

int AppendTo(const std::filesystem::path& file, std::string_view note) {
  const Descriptor out = OpenToAppend(file);
  if (!out) return errno;
  struct stat before {};
  if (::fstat(out.get(), &before) != 0) return errno;
  const bool regular = S_ISREG(before.st_mode);
  int error = 0;
  if (regular && before.st_size > 0) {
    const std::string tail = TailOf(file, before);
    // Written before, when it could be neither flushed nor taken back: it is not there twice.
    if (tail.ends_with(note)) return Flush(out.get());
    error = MendEnd(out.get(), tail, note, before.st_size);
    if (error != 0) return error;
  }
  error = WriteAll(out.get(), note);
  if (error == 0) error = Flush(out.get());
  if (error == 0 && before.st_size == 0) error = FlushDirectory(file);
  // Half a note, or one that will be written again: away with it. Where that fails too, the next
  // call mends it.
  if (error != 0 && regular && ::ftruncate(out.get(), before.st_size) != 0) return errno;
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
