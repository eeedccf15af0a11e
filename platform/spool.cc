#include "platform/spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "platform/router.h"

namespace acb::platform {
namespace {

Failure CannotSpool(std::string_view what, int error) {
  return Failure{Reason::kStoreUnavailable, "There is no room for a body of this size now.",
                 std::string(what) + ": " + std::strerror(error)};
}

}  // namespace

Status Spool::Append(std::string_view piece) {
  if (!file_ && !directory_.empty() && size_ + piece.size() > kSpoolThreshold) {
    if (const auto moved = MoveToFile(); !moved) return moved.error();
  }
  if (file_) {
    if (const auto written = WriteToFile(AsBytes(piece)); !written) return written.error();
  } else {
    memory_.insert(memory_.end(), piece.begin(), piece.end());
  }
  size_ += piece.size();
  return Done{};
}

Status Spool::MoveToFile() {
  file_ = Descriptor(::open(directory_.c_str(), O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600));
  if (!file_) return CannotSpool("open(O_TMPFILE) in " + directory_.string(), errno);
  const Bytes held = std::exchange(memory_, {});
  return WriteToFile(held);
}

Status Spool::WriteToFile(BytesView octets) {
  while (!octets.empty()) {
    const ssize_t written = ::write(file_.get(), octets.data(), octets.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return CannotSpool("write of a request body", errno);
    octets = octets.subspan(static_cast<std::size_t>(written));
  }
  return Done{};
}

Result<HttpBody> Spool::Finish() && {
  if (file_) return HttpBody::Map(file_, size_);
  return HttpBody(std::move(memory_));
}

}  // namespace acb::platform
