// The audit log from outside: checkpoints and proofs to keep elsewhere.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "tools/acbctl/remote.h"

namespace CLI {
class App;
}

namespace acb::acbctl {

struct AuditOptions {
  std::filesystem::path out;       // empty: standard output
  std::filesystem::path vkey_out;  // empty: nowhere
  std::uint64_t index = 0;
};

// Adds the command `audit` with its subcommands `checkpoint` and `proof`.
CLI::App* AddAudit(CLI::App& app, AuditOptions& options);

// Each verifies what the service answered before it writes it, and gives an exit code (remote.h).
int ShowCheckpoint(const Connection& connection, const AuditOptions& options);
int ShowProof(const Connection& connection, const AuditOptions& options);

}  // namespace acb::acbctl
