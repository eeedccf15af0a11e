#include "tools/acbctl/download.h"

#include <utility>

namespace acb::acbctl {

Result<Download> Download::Open(const std::filesystem::path& path) {
  auto file = PartFile::Open(path);
  if (!file) return std::move(file).error();
  return Download(*std::move(file));
}

Status Download::Write(std::string_view piece, std::uint64_t size) {
  if (Status written = file_.Write(piece); !written) return written;
  written_ += piece.size();
  progress_.Show(written_, size);
  return Done{};
}

Status Download::Finish() {
  progress_.Clear();
  return file_.Keep(PartFile::Over::kWhatHasTheName);
}

}  // namespace acb::acbctl
