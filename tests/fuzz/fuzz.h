// What the fuzz targets have in common. A target is one function over octets; libFuzzer calls it,
// the sanitizers find what goes wrong in memory, and Require finds what goes wrong in meaning.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>

#include "firmware/base/bytes.h"

namespace acb::fuzz {

// A promise that holds for every input. abort() is a finding to libFuzzer.
inline void Require(bool kept, const char* promise) {
  if (kept) return;
  std::fprintf(stderr, "broken promise: %s\n", promise);
  std::abort();
}

inline std::string_view Text(BytesView octets) {
  return {reinterpret_cast<const char*>(octets.data()), octets.size()};
}

inline Bytes ReadFile(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(in), {});
}

}  // namespace acb::fuzz
