// acbctl restore: a backup, and the incremental ones that go on from it, become the store of a box
// that is stopped (R-SEC3-78).
#pragma once

#include <filesystem>
#include <vector>

namespace acb::acbctl {

struct RestoreOptions {
  std::vector<std::filesystem::path> backups;  // a full one, then incremental ones in their order
  std::filesystem::path key;                   // the backup key's private half, PEM
  std::filesystem::path config;                // acbd.toml
  std::filesystem::path checkpoint_key;        // empty: that of the token
  bool recover = false;                        // leave it in place for `acbctl recover`
  bool progress = false;                       // also when standard error is no terminal
  bool json = false;
};

// Gives an exit code (remote.h). Whatever is refused leaves nothing in the store's directory.
int Restore(const RestoreOptions& options);

}  // namespace acb::acbctl
