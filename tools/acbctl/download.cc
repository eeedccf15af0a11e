#include "tools/acbctl/download.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace acb::acbctl {

Failure CannotWrite(const std::filesystem::path& file) {
  return Failure(Reason::kConfiguration,
                 "cannot write " + file.string() + ": " + std::strerror(errno));
}

Result<Download> Download::Open(const std::filesystem::path& path) {
  const std::string part = path.string() + ".part";
  // What an earlier one left; a link there is not followed.
  ::unlink(part.c_str());
  Descriptor file(::open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return CannotWrite(part);
  return Download(path, std::move(file));
}

Status Download::Write(std::string_view piece, std::uint64_t size) {
  while (!piece.empty()) {
    const ssize_t written = ::write(file_.get(), piece.data(), piece.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return CannotWrite(part());
    piece.remove_prefix(static_cast<std::size_t>(written));
    written_ += static_cast<std::uint64_t>(written);
  }
  progress_.Show(written_, size);
  return Done{};
}

Status Download::Finish() {
  progress_.Clear();
  if (::fsync(file_.get()) != 0 || ::rename(part().c_str(), path_.c_str()) != 0) {
    return CannotWrite(path_);
  }
  const auto folder = std::filesystem::absolute(path_).parent_path();
  const Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory || ::fsync(directory.get()) != 0) return CannotWrite(path_);
  return Done{};
}

void Download::Drop() {
  progress_.Clear();
  ::unlink(part().c_str());
}

Status WriteWhole(const std::filesystem::path& path, std::string_view text) {
  auto file = Download::Open(path);
  if (!file) return std::move(file).error();
  Status written = file->Write(text, text.size());
  if (written) written = file->Finish();
  if (!written) file->Drop();
  return written;
}

}  // namespace acb::acbctl
