// A file that has no name: it is gone with its descriptor, whatever ends the process.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "firmware/base/bytes.h"
#include "firmware/base/descriptor.h"
#include "firmware/base/result.h"

namespace acb::platform {

// Written from its beginning to its end, then read by whoever holds the descriptor. One thread at a
// time. Move only.
class UnnamedFile {
 public:
  // In `directory`, on a file system with O_TMPFILE. kStoreUnavailable.
  static Result<UnnamedFile> Create(const std::filesystem::path& directory);
  UnnamedFile(UnnamedFile&&) = default;
  UnnamedFile& operator=(UnnamedFile&&) = default;

  // kStoreUnavailable: the file cannot be written, as when the disk is full.
  Status Append(BytesView octets);

  // Octets that were appended before, in place of those from `offset` on. kStoreUnavailable.
  Status Overwrite(std::uint64_t offset, BytesView octets);

  std::uint64_t size() const { return size_; }
  const Descriptor& descriptor() const { return *descriptor_; }
  // For an answer (HttpResponse::file).
  std::shared_ptr<const Descriptor> Share() const { return descriptor_; }

 private:
  explicit UnnamedFile(Descriptor descriptor)
      : descriptor_(std::make_shared<Descriptor>(std::move(descriptor))) {}

  std::shared_ptr<const Descriptor> descriptor_;
  std::uint64_t size_ = 0;
};

}  // namespace acb::platform
