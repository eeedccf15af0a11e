// A file that comes piece by piece, and has its name only once it is whole and on the disk.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "firmware/base/descriptor.h"
#include "firmware/base/result.h"
#include "tools/acbctl/progress.h"

namespace acb::acbctl {

// kConfiguration, naming the file and the system's word (errno).
Failure CannotWrite(const std::filesystem::path& file);

// One thread. All fail with kConfiguration.
class Download {
 public:
  // Into `path`.part until it is whole.
  static Result<Download> Open(const std::filesystem::path& path);
  // `size` of the whole, 0 when it is not known: for the progress.
  Status Write(std::string_view piece, std::uint64_t size);
  // Gives it its name, in place of what had it.
  Status Finish();
  // Takes away what has not got its name.
  void Drop();
  std::uint64_t written() const { return written_; }

 private:
  Download(std::filesystem::path path, Descriptor file)
      : path_(std::move(path)), file_(std::move(file)) {}
  std::string part() const { return path_.string() + ".part"; }

  std::filesystem::path path_;
  Descriptor file_;
  std::uint64_t written_ = 0;
  Progress progress_{"export", Progress::Unit::kOctets};
};

// What has the name keeps it until `text` is whole and on the disk.
Status WriteWhole(const std::filesystem::path& path, std::string_view text);

}  // namespace acb::acbctl
