// The public test data beside the project: ../shared, or ACB_SHARED.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "firmware/base/bytes.h"

namespace acb::testing {

inline std::filesystem::path SharedDir() {
  if (const char* given = std::getenv("ACB_SHARED")) return given;
  const char* source = std::getenv("ACB_SOURCE_DIR");
  return std::filesystem::path(source ? source : ".") / ".." / "shared";
}

inline bool HaveShared() { return std::filesystem::exists(SharedDir() / "rtds" / "README.md"); }
inline bool InCi() {
  const char* ci = std::getenv("CI");
  return ci != nullptr && std::string(ci) == "true";
}

inline Bytes ReadFile(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) ADD_FAILURE() << "cannot read " << path;
  return Bytes(std::istreambuf_iterator<char>(in), {});
}
inline std::string ReadText(const std::filesystem::path& path) {
  const Bytes bytes = ReadFile(path);
  return std::string(bytes.begin(), bytes.end());
}

// First line of a test that reads ../shared: skips with the reason in a plain clone, fails in CI.
#define ACB_NEED_SHARED()                                                                       \
  do {                                                                                          \
    if (!::acb::testing::HaveShared()) {                                                        \
      if (::acb::testing::InCi()) FAIL() << "no test data at " << ::acb::testing::SharedDir();  \
      GTEST_SKIP() << "no test data at " << ::acb::testing::SharedDir() << " (set ACB_SHARED)"; \
    }                                                                                           \
  } while (false)

}  // namespace acb::testing
