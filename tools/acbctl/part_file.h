// A file that has its name only once it is whole and on the disk.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "firmware/base/descriptor.h"
#include "firmware/base/result.h"

namespace acb::acbctl {

// It is FILE.part until it is kept, mode 0600. What a process that was stopped left under that name
// is written over; one that is written now is locked. A device or a pipe is written as it stands.
// One thread. All fail with kConfiguration, naming the file and the system's word (errno).
class PartFile {
 public:
  enum class Over : std::uint8_t { kNothing, kWhatHasTheName };

  static Result<PartFile> Open(const std::filesystem::path& path);
  ~PartFile();  // takes away what was not kept
  PartFile(PartFile&& other) noexcept;
  PartFile& operator=(PartFile&&) = delete;
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  Status Write(std::string_view octets);
  // Gives it its name. With kNothing a file that has it by now keeps it.
  Status Keep(Over over);

 private:
  static Result<PartFile> OpenDevice(const std::filesystem::path& path);
  PartFile(std::filesystem::path path, std::filesystem::path part, Descriptor file);

  std::filesystem::path path_;
  std::filesystem::path part_;
  Descriptor file_;   // locked
  bool ours_ = true;  // FILE.part
};

// What has the name keeps it until `text` is whole and on the disk.
Status WriteWhole(const std::filesystem::path& path, std::string_view text);

}  // namespace acb::acbctl
