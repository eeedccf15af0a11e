#include "tools/acbctl/upload.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace acb::acbctl {
namespace {

Failure CannotRead(const std::filesystem::path& file, const std::string& why) {
  return Failure(Reason::kConfiguration, "cannot read " + file.string() + ": " + why);
}

}  // namespace

Result<Upload> Upload::Open(const std::filesystem::path& path, std::uint64_t limit) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
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

Upload::Upload(std::filesystem::path path, Descriptor file, std::uint64_t size)
    : path_(std::move(path)), file_(std::move(file)), size_(size) {}

Result<std::size_t> Upload::Read(std::span<std::uint8_t> into) {
  ssize_t got = 0;
  do {
    got = ::read(file_.get(), into.data(), into.size());
  } while (got < 0 && errno == EINTR);
  if (got < 0) return CannotRead(path_, std::strerror(errno));
  if (got == 0) return CannotRead(path_, "it has become shorter");
  read_ += static_cast<std::uint64_t>(got);
  progress_.Show(read_, size_, "the service is checking and importing ...");
  return static_cast<std::size_t>(got);
}

void Upload::EndProgress() { progress_.Clear(); }

}  // namespace acb::acbctl
