#include "tools/acbctl/upload.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace acb::acbctl {
namespace {

constexpr std::chrono::milliseconds kShownEvery{200};
constexpr double kMegabyte = 1e6;
constexpr const char* kClearLine = "\r\033[K";

Failure CannotRead(const std::filesystem::path& file, const std::string& why) {
  return Failure(Reason::kConfiguration, "cannot read " + file.string() + ": " + why);
}

}  // namespace

Result<Upload> Upload::Open(const std::filesystem::path& path, std::uint64_t limit) {
  platform::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) return CannotRead(path, std::strerror(errno));
  if (!S_ISREG(status.st_mode)) return CannotRead(path, "not a file");
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (size > limit) {
    return Failure(Reason::kTooLarge, path.string() + " has " + std::to_string(size) +
                                          " octets, more than " + std::to_string(limit));
  }
  return Upload(path, std::move(file), size);
}

Upload::Upload(std::filesystem::path path, platform::Descriptor file, std::uint64_t size)
    : path_(std::move(path)),
      file_(std::move(file)),
      size_(size),
      terminal_(::isatty(STDERR_FILENO) == 1) {}

Result<std::size_t> Upload::Read(std::span<std::uint8_t> into) {
  ssize_t got = 0;
  do {
    got = ::read(file_.get(), into.data(), into.size());
  } while (got < 0 && errno == EINTR);
  if (got < 0) return CannotRead(path_, std::strerror(errno));
  if (got == 0) return CannotRead(path_, "it has become shorter");
  read_ += static_cast<std::uint64_t>(got);
  ShowProgress();
  return static_cast<std::size_t>(got);
}

void Upload::ShowProgress() {
  const auto now = Clock::now();
  const bool done = read_ == size_;
  if (!terminal_ || (!done && now - shown_ < kShownEvery)) return;
  shown_ = now;
  if (done) {
    std::fprintf(stderr, "%sthe service is checking and importing ...", kClearLine);
    return;
  }
  const double seconds = std::chrono::duration<double>(now - began_).count();
  const double sent = static_cast<double>(read_);
  std::fprintf(stderr, "%s%3.0f %%  %.0f of %.0f MB  %.0f MB/s", kClearLine,
               100 * sent / static_cast<double>(size_), sent / kMegabyte,
               static_cast<double>(size_) / kMegabyte, sent / kMegabyte / seconds);
}

void Upload::EndProgress() {
  if (terminal_ && read_ != 0) std::fputs(kClearLine, stderr);
}

}  // namespace acb::acbctl
