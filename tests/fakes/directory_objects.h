// Anchor objects as files of a directory: a token that outlives a process that is killed. A file
// that was half written when its process died is an object that is not whole.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "firmware/anchor_objects.h"
#include "firmware/base/sha256.h"

namespace acb {

class DirectoryObjects final : public AnchorObjects {
 public:
  explicit DirectoryObjects(std::filesystem::path directory) : directory_(std::move(directory)) {
    std::filesystem::create_directories(directory_);
  }

  Result<std::vector<Bytes>> List() override {
    std::vector<Bytes> objects;
    for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
      std::ifstream in(entry.path(), std::ios::binary);
      // Another process may have destroyed it meanwhile.
      if (in)
        objects.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
    }
    return objects;
  }
  Result<std::vector<Bytes>> ListAnew() override { return List(); }
  Status Create(BytesView octets) override {
    std::ofstream out(FileOf(octets), std::ios::binary);
    out.write(reinterpret_cast<const char*>(octets.data()),
              static_cast<std::streamsize>(octets.size()));
    out.close();
    if (!out) return Failure(Reason::kHsmUnavailable, {}, "cannot write " + directory_.string());
    return Done{};
  }
  Status Destroy(BytesView octets) override {
    std::error_code ignored;
    std::filesystem::remove(FileOf(octets), ignored);
    return Done{};
  }
  const std::string& token_serial() const override { return serial_; }

 private:
  std::filesystem::path FileOf(BytesView octets) const {
    return directory_ / ToHex(Sha256(octets));
  }

  const std::filesystem::path directory_;
  const std::string serial_ = "directory";
};

}  // namespace acb
