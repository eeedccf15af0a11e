// Counters that go from one box to another.
#pragma once

#include <filesystem>
#include <vector>

#include "tools/acbctl/remote.h"

namespace acb::acbctl {

struct ExportOptions {
  std::filesystem::path out;
  std::filesystem::path key_out;  // the box's checkpoint key, PEM; empty: not wanted
  bool fence = false;
  std::vector<std::filesystem::path> as;  // as QuarantineOptions
};

struct CountersImportOptions {
  std::filesystem::path file;
  std::filesystem::path key;  // the source's checkpoint key, PEM
  std::vector<std::filesystem::path> as;
};

// Each gives an exit code (remote.h).
int ExportCounters(const Connection& connection, const ExportOptions& options);
int ImportCounters(const Connection& connection, const CountersImportOptions& options);

}  // namespace acb::acbctl
