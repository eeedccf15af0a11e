#include "platform/unnamed_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace acb::platform {
namespace {

Failure NoRoom(std::string_view what, int error) {
  const bool room = error == ENOSPC || error == EDQUOT || error == EFBIG;
  return Failure{Reason::kStoreUnavailable,
                 room ? "There is no room for a body of this size now."
                      : "The directory for bodies, exports and backups cannot be used.",
                 std::string(what) + ": " + std::strerror(error)};
}

}  // namespace

Result<UnnamedFile> UnnamedFile::Create(const std::filesystem::path& directory) {
  Descriptor file(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600));
  if (!file) return NoRoom("open(O_TMPFILE) in " + directory.string(), errno);
  return UnnamedFile(std::move(file));
}

Status UnnamedFile::Append(BytesView octets) {
  while (!octets.empty()) {
    const ssize_t written = ::write(descriptor_->get(), octets.data(), octets.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return NoRoom("write of a body", errno);
    octets = octets.subspan(static_cast<std::size_t>(written));
    size_ += static_cast<std::uint64_t>(written);
  }
  return Done{};
}

Status UnnamedFile::Overwrite(std::uint64_t offset, BytesView octets) {
  while (!octets.empty()) {
    const ssize_t written =
        ::pwrite(descriptor_->get(), octets.data(), octets.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return NoRoom("write of a body", errno);
    octets = octets.subspan(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  return Done{};
}

}  // namespace acb::platform
