#include "tools/acb-verify/export_file.h"

#include <algorithm>

namespace acb::verify {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 16;

Failure CannotRead(const std::filesystem::path& path) {
  return Failure(Reason::kConfiguration, "cannot read " + path.string());
}

}  // namespace

Status Lines::Fill() {
  buffer_.erase(0, position_);
  position_ = 0;
  const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(left_, kPiece));
  const std::size_t before = buffer_.size();
  buffer_.resize(before + want);
  in_.read(buffer_.data() + before, static_cast<std::streamsize>(want));
  if (static_cast<std::size_t>(in_.gcount()) != want) {
    return Failure(Reason::kConfiguration, "the export changed while it was read");
  }
  left_ -= want;
  return Done{};
}

Result<std::optional<std::string_view>> Lines::Next() {
  std::size_t searched = 0;  // octets of this line without an end
  while (true) {             // ends with the file or the limit
    const std::size_t end = buffer_.find('\n', position_ + searched);
    if (end != std::string::npos) {
      const std::string_view line(buffer_.data() + position_, end - position_);
      position_ = end + 1;
      number_ = given_++;
      return std::optional(line);
    }
    searched = buffer_.size() - position_;
    number_ = given_;
    if (left_ == 0) {
      if (searched == 0) return std::optional<std::string_view>();
      return Failure(Reason::kMalformed, "the last line does not end");
    }
    if (searched > kMaxLineOctets) return Failure(Reason::kMalformed, "a line is too long");
    if (Status filled = Fill(); !filled) return std::move(filled).error();
  }
}

ExportFile::ExportFile(std::filesystem::path path, audit::ContainerContents contents)
    : path_(std::move(path)), contents_(std::move(contents)) {
  for (std::size_t i = 0; i < contents_.files.size(); ++i) {
    by_name_.emplace(contents_.files[i].name, i);
  }
}

Result<ExportFile> ExportFile::Open(
    const std::filesystem::path& path,
    const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  std::error_code error;
  const std::uint64_t size = std::filesystem::file_size(path, error);
  std::ifstream in(path, std::ios::binary);
  if (error || !in) return CannotRead(path);
  const auto source = [&](std::span<std::uint8_t> into) -> Result<std::size_t> {
    in.read(reinterpret_cast<char*>(into.data()), static_cast<std::streamsize>(into.size()));
    if (in.bad()) return CannotRead(path);
    return static_cast<std::size_t>(in.gcount());
  };
  auto contents = audit::ReadContainer(source, [&](std::uint64_t done) { progress(done, size); });
  if (!contents) return std::move(contents).error();
  return ExportFile(path, *std::move(contents));
}

const audit::ContainerFile* ExportFile::Find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &contents_.files[found->second];
}

Result<std::ifstream> ExportFile::OpenAt(std::uint64_t offset) const {
  std::ifstream in(path_, std::ios::binary);
  in.seekg(static_cast<std::streamoff>(offset));
  if (!in) return CannotRead(path_);
  return in;
}

Result<std::string> ExportFile::ReadWhole(std::string_view name, std::uint64_t limit) const {
  const audit::ContainerFile* file = Find(name);
  if (file == nullptr) {
    return Failure(Reason::kNotFound, "the export has no " + std::string(name));
  }
  if (file->size > limit) {
    return Failure(Reason::kMalformed,
                   std::string(name) + " is larger than " + std::to_string(limit) + " octets");
  }
  auto in = OpenAt(file->offset);
  if (!in) return std::move(in).error();
  std::string octets(static_cast<std::size_t>(file->size), '\0');
  in->read(octets.data(), static_cast<std::streamsize>(octets.size()));
  if (static_cast<std::uint64_t>(in->gcount()) != file->size) return CannotRead(path_);
  return octets;
}

Result<Lines> ExportFile::ReadLines(std::string_view name) const {
  const audit::ContainerFile* file = Find(name);
  auto in = OpenAt(file == nullptr ? 0 : file->offset);
  if (!in) return std::move(in).error();
  return Lines(*std::move(in), file == nullptr ? 0 : file->size);
}

}  // namespace acb::verify
