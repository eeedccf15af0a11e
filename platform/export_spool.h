// The container of an export (firmware/audit/container.h), written to an unnamed file: the size of
// each of its files is known when it has been written, and goes into the header then.
#pragma once

#include <string>
#include <vector>

#include "firmware/audit/container.h"
#include "firmware/base/sha256_stream.h"
#include "platform/unnamed_file.h"

namespace acb::platform {

struct SpooledFile {
  std::string name;
  std::uint64_t octets = 0;
  Sha256Digest sha256{};
};

// One thread. All fail with kStoreUnavailable when the file cannot be written.
class ExportSpool {
 public:
  explicit ExportSpool(UnnamedFile file) : file_(std::move(file)) {}

  // Between Begin and End: the octets of that file.
  Status Begin(std::string name);
  Status Append(std::string_view octets);
  // kTooLarge: more than a container takes.
  Status End();
  Status AddWhole(std::string name, std::string_view octets);
  // The end blocks: the container is whole.
  Status Finish();

  const std::vector<SpooledFile>& files() const { return files_; }
  const UnnamedFile& file() const { return file_; }

 private:
  Status Flush();
  Status Put(std::string_view octets);

  UnnamedFile file_;
  std::string buffer_;
  std::uint64_t header_at_ = 0;
  SpooledFile current_;
  Sha256Stream sha256_;
  std::vector<SpooledFile> files_;
};

}  // namespace acb::platform
