// A file that comes piece by piece, with its progress shown.
#pragma once

#include <filesystem>
#include <string_view>

#include "tools/acbctl/part_file.h"
#include "tools/acbctl/progress.h"

namespace acb::acbctl {

// One thread. Errors as of PartFile.
class Download {
 public:
  static Result<Download> Open(const std::filesystem::path& path);
  // `size` of the whole, 0 when it is not known: for the progress.
  Status Write(std::string_view piece, std::uint64_t size);
  // Gives it its name, in place of what had it. What has none is gone with this object.
  Status Finish();
  std::uint64_t written() const { return written_; }

 private:
  explicit Download(PartFile file) : file_(std::move(file)) {}

  PartFile file_;
  std::uint64_t written_ = 0;
  Progress progress_{"export", Progress::Unit::kOctets};
};

}  // namespace acb::acbctl
