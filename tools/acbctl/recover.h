// acbctl recover: two operators let a stopped box sign again (design.md section 4, "Recover").
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace acb::acbctl {

struct RecoverOptions {
  std::filesystem::path config;  // acbd.toml
  std::string base;              // decimal; or
  std::filesystem::path from;    // entries of the log, a file or a directory with `entries`
  std::string reason;
  // Client certificates of two operators; the key of each beside it, with the ending .key.
  std::vector<std::filesystem::path> as;
  bool progress = false;  // also when standard error is no terminal
  bool json = false;
};

// Gives an exit code (remote.h).
int Recover(const RecoverOptions& options);

}  // namespace acb::acbctl
