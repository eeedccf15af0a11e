#include "platform/spool.h"

#include <utility>

#include "platform/router.h"

namespace acb::platform {

Status Spool::Append(std::string_view piece) {
  if (!file_ && !directory_.empty() && size_ + piece.size() > kSpoolThreshold) {
    if (auto moved = MoveToFile(); !moved) return moved;
  }
  if (file_) {
    if (auto written = file_->Append(AsBytes(piece)); !written) return written;
  } else {
    memory_.insert(memory_.end(), piece.begin(), piece.end());
  }
  size_ += piece.size();
  return Done{};
}

Status Spool::MoveToFile() {
  auto file = UnnamedFile::Create(directory_);
  if (!file) return std::move(file).error();
  file_ = *std::move(file);
  const Bytes held = std::exchange(memory_, {});
  return file_->Append(held);
}

Result<HttpBody> Spool::Finish() && {
  if (file_) return HttpBody::Map(file_->descriptor(), size_);
  return HttpBody(std::move(memory_));
}

}  // namespace acb::platform
