// Where the octets of a request body wait until all have come.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

#include "firmware/base/result.h"
#include "platform/http_message.h"
#include "platform/unnamed_file.h"

namespace acb::platform {

// Up to kSpoolThreshold in memory; above that, if there is a directory, in a file that has no name.
class Spool {
 public:
  // Empty directory: everything stays in memory, and the caller limits it.
  explicit Spool(const std::filesystem::path& directory) : directory_(directory) {}

  // kStoreUnavailable: the file cannot be made or written, as when the disk is full.
  Status Append(std::string_view piece);
  std::uint64_t size() const { return size_; }
  Result<HttpBody> Finish() &&;

 private:
  Status MoveToFile();

  const std::filesystem::path& directory_;
  Bytes memory_;
  std::optional<UnnamedFile> file_;
  std::uint64_t size_ = 0;
};

}  // namespace acb::platform
