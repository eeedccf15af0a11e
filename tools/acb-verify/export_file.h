// An export on the disk: its files, by name, read piece by piece.
#pragma once

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "firmware/audit/container.h"
#include "firmware/base/result.h"

namespace acb::verify {

// One line of a file, at most.
inline constexpr std::size_t kMaxLineOctets = std::size_t{8} << 20;

// Lines of one file of an export, in order. Has a descriptor of its own. One thread.
class Lines {
 public:
  // Nothing at the end. kMalformed: the last line does not end, or a line is too long; then
  // `next` is where it begins, counted in lines. kConfiguration: the file cannot be read.
  Result<std::optional<std::string_view>> Next();
  // Of the line that Next gave, from 0 on; of the one it would give before the first.
  std::uint64_t number() const { return number_; }

 private:
  friend class ExportFile;
  Lines(std::ifstream in, std::uint64_t octets) : in_(std::move(in)), left_(octets) {}
  Status Fill();

  std::ifstream in_;
  std::uint64_t left_;  // octets of the file that are not in the buffer
  std::string buffer_;
  std::size_t position_ = 0;  // of the next line in the buffer
  std::uint64_t given_ = 0;
  std::uint64_t number_ = 0;
};

class ExportFile {
 public:
  // Reads the container once, from its beginning to its end (audit::ReadContainer).
  // kConfiguration: the file cannot be read.
  static Result<ExportFile> Open(const std::filesystem::path& path,
                                 const std::function<void(std::uint64_t, std::uint64_t)>& progress);

  const audit::ContainerContents& contents() const { return contents_; }
  // Nullptr when the export has no such file.
  const audit::ContainerFile* Find(std::string_view name) const;
  // Its octets. kNotFound; kMalformed: more than `limit`; kConfiguration.
  Result<std::string> ReadWhole(std::string_view name, std::uint64_t limit) const;
  // No lines when there is no such file. kConfiguration.
  Result<Lines> ReadLines(std::string_view name) const;

 private:
  ExportFile(std::filesystem::path path, audit::ContainerContents contents);
  Result<std::ifstream> OpenAt(std::uint64_t offset) const;

  std::filesystem::path path_;
  audit::ContainerContents contents_;
  std::map<std::string, std::size_t, std::less<>> by_name_;
};

}  // namespace acb::verify
