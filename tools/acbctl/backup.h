// acbctl backup: a backup of the running box, into a file.
#pragma once

#include <filesystem>
#include <string>

#include "tools/acbctl/remote.h"

namespace acb::acbctl {

struct BackupOptions {
  std::filesystem::path out;  // must not exist
  std::string since;          // an earlier backup's file, or its SHA-256 in hex; empty: a full one
};

// Gives an exit code (remote.h). On failure no file is left.
int Backup(const Connection& connection, const BackupOptions& options);

}  // namespace acb::acbctl
