// Reads the tar.gz files of the test data: gunzip by zlib, members by the ustar headers.
#pragma once

#include <gtest/gtest.h>
#include <zlib.h>

#include <filesystem>
#include <string>
#include <vector>

#include "firmware/base/bytes.h"

namespace acb::testing {

struct TarMember {
  std::string name;
  Bytes octets;
};

// Regular files in the order of the archive; a failure of the test when it is damaged or none.
inline std::vector<TarMember> ReadTarGz(const std::filesystem::path& path) {
  std::vector<TarMember> members;
  gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) {
    ADD_FAILURE() << "cannot read " << path;
    return members;
  }
  constexpr unsigned kBlock = 512;
  char header[kBlock];
  while (gzread(file, header, kBlock) == static_cast<int>(kBlock) && header[0] != '\0') {
    // POSIX.1-1988 ustar: name at 0, size in octal at 124, type at 156, prefix at 345.
    const std::string prefix(header + 345, strnlen(header + 345, 155));
    const std::string name(header, strnlen(header, 100));
    const std::size_t size = std::stoul(std::string(header + 124, 11), nullptr, 8);
    Bytes octets((size + kBlock - 1) / kBlock * kBlock);
    if (gzread(file, octets.data(), static_cast<unsigned>(octets.size())) !=
        static_cast<int>(octets.size())) {
      ADD_FAILURE() << path << " is cut off at " << name;
      break;
    }
    octets.resize(size);
    const bool regular = header[156] == '0' || header[156] == '\0';
    if (regular) members.push_back({prefix.empty() ? name : prefix + "/" + name, octets});
  }
  gzclose(file);
  EXPECT_FALSE(members.empty()) << path;
  return members;
}

}  // namespace acb::testing
