#include "tools/acbctl/new_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "firmware/base/descriptor.h"

namespace acb::acbctl {
namespace {

Failure Cannot(const char* what, const std::filesystem::path& file) {
  return Failure(Reason::kConfiguration,
                 "cannot " + std::string(what) + " " + file.string() + ": " + std::strerror(errno));
}

}  // namespace

Status WriteNewFile(const std::filesystem::path& file, BytesView content, mode_t mode) {
  const Descriptor descriptor(
      ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  if (!descriptor) return Cannot("create", file);
  while (!content.empty()) {
    const ssize_t count = ::write(descriptor.get(), content.data(), content.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Cannot("write", file);
    content = content.subspan(static_cast<std::size_t>(count));
  }
  if (::fsync(descriptor.get()) != 0) return Cannot("write", file);
  return Done{};
}

}  // namespace acb::acbctl
