#include "platform/export_spool.h"

namespace acb::platform {
namespace {

constexpr std::size_t kBuffer = std::size_t{256} << 10;

}  // namespace

Status ExportSpool::Flush() {
  Status written = file_.Append(AsBytes(buffer_));
  buffer_.clear();
  return written;
}

Status ExportSpool::Put(std::string_view octets) {
  buffer_.append(octets);
  return buffer_.size() < kBuffer ? Status(Done{}) : Flush();
}

Status ExportSpool::Begin(std::string name) {
  current_ = {std::move(name), 0, {}};
  sha256_ = Sha256Stream();
  header_at_ = file_.size() + buffer_.size();
  return Put(std::string(audit::kContainerBlock, '\0'));
}

Status ExportSpool::Append(std::string_view octets) {
  current_.octets += octets.size();
  sha256_.Update(AsBytes(octets));
  return Put(octets);
}

Status ExportSpool::End() {
  const auto header = audit::HeaderOf(current_.name, current_.octets);
  if (!header) return header.error();
  Status put = Put(std::string(audit::PaddingAfter(current_.octets), '\0'));
  if (!put) return put;
  if (Status flushed = Flush(); !flushed) return flushed;
  if (Status patched = file_.Overwrite(header_at_, *header); !patched) return patched;
  current_.sha256 = sha256_.Finish();
  files_.push_back(current_);
  return Done{};
}

Status ExportSpool::AddWhole(std::string name, std::string_view octets) {
  if (Status begun = Begin(std::move(name)); !begun) return begun;
  if (Status added = Append(octets); !added) return added;
  return End();
}

Status ExportSpool::Finish() {
  if (Status put = Put(std::string(audit::kContainerEnd, '\0')); !put) return put;
  return Flush();
}

}  // namespace acb::platform
