// A file on its way to the service, read as it is sent.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "firmware/base/descriptor.h"
#include "firmware/base/result.h"
#include "tools/acbctl/progress.h"

namespace acb::acbctl {

// Shows on standard error how far it is, when that is a terminal.
class Upload {
 public:
  // kConfiguration: it cannot be read, or is no file. kTooLarge: more than `limit` octets.
  static Result<Upload> Open(const std::filesystem::path& file, std::uint64_t limit);

  std::uint64_t size() const { return size_; }
  // The next octets. kConfiguration: the file cannot be read, or has become shorter.
  Result<std::size_t> Read(std::span<std::uint8_t> into);
  // Takes the line of the progress away.
  void EndProgress();

 private:
  Upload(std::filesystem::path path, Descriptor file, std::uint64_t size);

  std::filesystem::path path_;
  Descriptor file_;
  std::uint64_t size_;
  std::uint64_t read_ = 0;
  Progress progress_{"upload", Progress::Unit::kOctets};
};

}  // namespace acb::acbctl
