// acbctl backup: a backup of the running box, into a file.
#pragma once

#include <filesystem>

#include "tools/acbctl/remote.h"

namespace acb::acbctl {

struct BackupOptions {
  std::filesystem::path out;  // must not exist
};

// Gives an exit code (remote.h). On failure no file is left.
int Backup(const Connection& connection, const BackupOptions& options);

}  // namespace acb::acbctl
